"""The gauges of the attempt schedule, sampled by the scheduler that leads.

"Waiting" is what `mail.attempt_schedule.depth` counts: deliveries in `queued` or `rendered` whose
`send_at` has come, retries that are not due yet included, and those that are handed out but not
started. A delivery has been put into the schedule when it was accepted or its `send_at` came, a
retry when its last attempt ended: one rung of the ladder before its time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from deliveries.database import Statement, atomic
from deliveries.telemetry import metrics

FRESH_SECONDS = 15.0
_SAMPLE_SECONDS = 5.0
# of a long schedule a sample is expensive, and taken less often: a twentieth of the time, at most
_RESTS = 20.0
_LONGEST_REST_SECONDS = 10.0
_LIMIT = "SET LOCAL statement_timeout = 1000"

# A row that is due is never deferred: its time is not before its `send_at`. So only those that are
# not due are looked at one by one, and the others counted by the index alone.
COUNT = Statement(
    name="schedule.count",
    purpose="how many deliveries wait for an attempt, and how many for their send_at",
    sql="""
SELECT due.n + handed_out.n + later.n - later.deferred AS depth, later.deferred
FROM (
  SELECT count(*) AS n FROM deliveries
  WHERE status IN ('queued', 'rendered') AND next_attempt_at <= now()
) AS due, (
  SELECT count(*) AS n, count(*) FILTER (WHERE send_at > now()) AS deferred FROM deliveries
  WHERE status IN ('queued', 'rendered') AND next_attempt_at > now()
) AS later, (
  SELECT count(*) AS n FROM attempts WHERE status = 'scheduled'
) AS handed_out
""",
)

AGE = Statement(
    name="schedule.age",
    purpose="when the oldest of the waiting was put there, and the earliest time of one",
    sql="""
SELECT extract(epoch FROM now() - min(put_at))::double precision AS age,
       extract(epoch FROM now() - min(due_at))::double precision AS overdue
FROM (
  SELECT next_attempt_at AS due_at,
         next_attempt_at - coalesce((%(ladder)b::interval[])[attempt_count], '0') AS put_at
  FROM deliveries
  WHERE status IN ('queued', 'rendered')
    AND NOT (next_attempt_at > now() AND send_at IS NOT NULL AND send_at > now())
  UNION ALL
  SELECT scheduled_for,
         scheduled_for - coalesce((%(ladder)b::interval[])[attempt_no - 1], '0')
  FROM attempts WHERE status = 'scheduled'
) AS waiting
""",
)


@dataclass(frozen=True, slots=True)
class Ages:
    """In milliseconds; 0 when nobody waits, or nobody past its time."""

    oldest: float
    overdue: float


def count() -> tuple[int, int]:
    """How many wait for an attempt, and how many are deferred."""
    with atomic(), connection.cursor() as cursor:
        cursor.execute(_LIMIT)
        (row,) = COUNT.fetch()
    return row.depth, row.deferred


def ages(*, ladder: Sequence[timedelta]) -> Ages:
    with atomic(), connection.cursor() as cursor:
        cursor.execute(_LIMIT)
        (row,) = AGE.fetch(ladder=list(ladder))
    return Ages(oldest=_milliseconds(row.age), overdue=_milliseconds(row.overdue))


class Sampler:
    """One step looks whether this process leads, and samples every few seconds while it does.

    `lead` keeps the leadership and returns None while another process has it; `lease` is how long
    its answer holds. A value is exported for no longer than that, and no longer than 15 s.
    """

    def __init__(
        self,
        *,
        lead: Callable[[], int | None],
        lease: timedelta,
        ladder: Sequence[timedelta],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lead = lead
        self._lease = lease.total_seconds()
        self._ladder = tuple(ladder)
        self._clock = clock
        self._counted: tuple[float, int, int] | None = None
        self._aged: tuple[float, Ages] | None = None
        self._next_at = float("-inf")

    def step(self) -> bool:
        """Whether more waits: never."""
        asked_at = self._clock()
        if self._lead() is None:
            self.forget()
            return False
        try:
            if asked_at >= self._next_at:
                self._sample(asked_at)
        finally:
            self._show(asked_at + self._lease)
        return False

    def forget(self) -> None:
        """What was sampled is no longer this process's to show."""
        self._counted = self._aged = None
        self._next_at = float("-inf")
        for gauge in metrics.SCHEDULE:
            gauge.clear()

    def _sample(self, now: float) -> None:
        self._next_at = now + _SAMPLE_SECONDS
        try:
            self._counted = (now, *count())
        finally:  # each on its own: only the one that takes too long is missing
            self._aged = (now, ages(ladder=self._ladder))
        took = self._clock() - now
        self._next_at = now + min(_LONGEST_REST_SECONDS, max(_SAMPLE_SECONDS, took * _RESTS))

    def _show(self, led_until: float) -> None:
        if self._counted is not None:
            at, depth, deferred = self._counted
            until = min(led_until, at + FRESH_SECONDS)
            metrics.DEPTH.put(depth, until=until)
            metrics.DEFERRED.put(deferred, until=until)
        if self._aged is not None:
            at, found = self._aged
            until = min(led_until, at + FRESH_SECONDS)
            metrics.OLDEST_AGE.put(found.oldest, until=until)
            metrics.OVERDUE.put(found.overdue, until=until)


def _milliseconds(seconds: float | None) -> float:
    return max(0.0, (seconds or 0.0) * 1000)
