"""What the SDK logs when it cannot export: one line of ours per minute instead of each of its own.

Its texts name hosts and hold the words of whatever failed, and a collector that is away makes one
with every export.
"""

import logging

from deliveries.reasons import reason_in
from deliveries.throttle import Throttle

_MESSAGE = "telemetry is not exported"


class Complaints(logging.Handler):
    """Takes the SDK's records of warnings and errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._throttle = Throttle()

    def emit(self, record: logging.LogRecord) -> None:
        kind = "metrics" if "metric" in record.name else "traces"
        if self._throttle.allow(kind):
            logging.getLogger(__name__).warning(
                _MESSAGE, extra={"kind": kind, "fault": _fault(record)}
            )


def _fault(record: logging.LogRecord) -> str | None:
    """What is known of it: why there is no connection, else the class of an error."""
    error = record.exc_info[1] if record.exc_info else None
    return reason_in(record.getMessage()) or (type(error).__name__ if error else None)


def quieten() -> None:
    """Send what the SDK logs here, and nowhere else."""
    library = logging.getLogger("opentelemetry")
    library.propagate = False
    library.handlers[:] = [Complaints()]
