"""What telemetry is told of one attempt: how long it took, its phases and its end."""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from deliveries.states import Phase
from deliveries.telemetry import metrics
from deliveries.telemetry.current import Ids, active
from deliveries.telemetry.facts import Tried
from deliveries.telemetry.spans import attempt_ids, record_attempt
from deliveries.transitions.records import AttemptRecord

Timeline = Iterable[tuple[Phase, int]]  # each phase with its start, Unix nanoseconds


class Measurement:
    """One attempt from its start. `row` is the one that was claimed."""

    def __init__(self, row: Any) -> None:
        self._row = row
        self._began = time.time_ns()
        self._clock = time.monotonic()
        self._phases: list[tuple[str, int]] = []

    def logged(self) -> AbstractContextManager[None]:
        """Log lines within carry the ids of the attempt's span."""
        return active(self._ids)

    def _ids(self) -> Ids:
        row = self._row
        return attempt_ids(
            delivery_id=row.delivery_id, attempt_no=row.attempt_no, traceparent=row.traceparent
        )

    def note(self, timeline: Timeline) -> None:
        """The phases of one transaction of it."""
        self._phases.extend(timeline)

    def ended(self, attempt: AttemptRecord | None) -> None:
        """None when it was given back, or expired before it began: then it does not count."""
        if attempt is not None:
            milliseconds = (time.monotonic() - self._clock) * 1000
            metrics.SEND_DURATION.record(milliseconds, status=attempt.status)
        elif not self._phases:
            return  # nothing was done
        row = self._row
        record_attempt(
            Tried(
                delivery_id=row.delivery_id,
                source=row.source,
                attempt_no=row.attempt_no,
                status=attempt.status if attempt else None,
                phase=attempt.phase if attempt else None,
                failure_code=attempt.failure_code if attempt else None,
                smtp_code=attempt.smtp_code if attempt else None,
                outcome_unknown=attempt.outcome_unknown if attempt else False,
            ),
            phases=self._phases,
            traceparent=row.traceparent,
            tracestate=row.tracestate,
            began=self._began,
        )
