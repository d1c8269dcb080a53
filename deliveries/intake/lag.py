"""How many entries of the stream wait to be finished, as the consumer that leads sees it."""

import time
from collections.abc import Callable

from deliveries.intake.gaps import StreamState, order_of
from deliveries.intake.stream import CommandStream
from deliveries.telemetry import metrics

_EVERY_SECONDS = 1.0
_FRESH_SECONDS = 3.0  # the leadership's lease: after it another one may lead


def lag_of(*, place: str, accounted: int | None, state: StreamState | None) -> int | None:
    """Entries after the cursor; None when nobody can tell without counting them one by one.

    `accounted` is how many of all that were ever added are behind the cursor.
    """
    if state is None or order_of(state.last_generated_id) <= order_of(place):
        return 0
    if accounted is not None and state.entries_added is not None:
        # entries lost but not yet noticed are not waiting to be finished
        return max(0, min(state.length, state.entries_added - accounted))
    first = state.first_entry_id
    return state.length if first is None or order_of(first) > order_of(place) else None


class Lag:
    """Looks at the stream once a second at most, and keeps the gauge."""

    def __init__(
        self, stream: CommandStream, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._looked_at = float("-inf")

    def look(self, *, place: str, accounted: int | None) -> None:
        now = self._clock()
        if now - self._looked_at < _EVERY_SECONDS:
            return
        self._looked_at = now
        lag = lag_of(place=place, accounted=accounted, state=self._stream.state())
        if lag is None:
            metrics.LAG.clear()
        else:
            metrics.LAG.put(lag, until=now + _FRESH_SECONDS)

    def forget(self) -> None:
        """Another one leads, or nobody knows: the last value is no longer shown."""
        metrics.LAG.clear()
        self._looked_at = float("-inf")
