"""What ended within the last day, in slices of five minutes that are counted once and kept.

A slice that is over does not change: the first page that needs it counts it and writes the counts
down. Only the slice that is open is counted every time. However many deliveries there are, one page
spends no more than `BUDGET` on counting; slices that it did not come to are left for the next one.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError

from deliveries.console.reading import bounded
from deliveries.database import Statement, is_cancelled

SLICE = timedelta(minutes=5)
HOURS = 24  # the one that is under way counts as one
BUDGET = timedelta(seconds=1)
# A transaction that began within a slice may commit after its end; longer than any statement runs.
_SETTLING = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_AT_ONCE = 12  # slices in one statement
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

KNOWN = Statement(
    name="console.known_outcomes",
    purpose="the slices that are counted, with what ended in them",
    sql="""
SELECT s.begins_at, c.status, c.failure_code, c.deliveries
FROM console_outcome_slices AS s LEFT JOIN console_outcome_counts AS c USING (begins_at)
WHERE s.begins_at >= %(begin)b::timestamptz
""",
)

COUNT = Statement(
    name="console.read_outcomes",
    purpose="count what ended within slices that are over, and keep the counts",
    sql="""
WITH counted AS MATERIALIZED (
  SELECT date_bin(%(slice)b::interval, finished_at, %(epoch)b::timestamptz) AS begins_at,
         status, coalesce(last_failure_code, '') AS failure_code, count(*) AS deliveries
  FROM deliveries
  WHERE finished_at >= %(begin)b::timestamptz AND finished_at < %(end)b::timestamptz
  GROUP BY 1, 2, 3
), kept AS (
  INSERT INTO console_outcome_counts (begins_at, status, failure_code, deliveries)
  SELECT begins_at, status, failure_code, deliveries FROM counted
  ON CONFLICT DO NOTHING
), closed AS (
  INSERT INTO console_outcome_slices (begins_at)
  SELECT generate_series(%(begin)b::timestamptz, %(end)b::timestamptz - %(slice)b::interval,
                         %(slice)b::interval)
  ON CONFLICT DO NOTHING
)
SELECT begins_at, status, failure_code, deliveries FROM counted
""",
)

COUNT_OPEN = Statement(
    name="console.count_open_slice",
    purpose="count what has ended since the last slice that is over",
    sql="""
SELECT status, coalesce(last_failure_code, '') AS failure_code, count(*) AS deliveries
FROM deliveries WHERE finished_at >= %(begin)b::timestamptz GROUP BY 1, 2
""",
)

FORGET = Statement(
    name="console.forget_outcomes",
    purpose="remove slices older than anything that is shown",
    sql="""
WITH slices AS (DELETE FROM console_outcome_slices WHERE begins_at < %(begin)b::timestamptz)
DELETE FROM console_outcome_counts WHERE begins_at < %(begin)b::timestamptz
""",
)

Counts = Counter[tuple[str, str]]  # (status, failure code or ""): deliveries


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`slices` by their start; a slice that is missing is not counted yet.

    They reach from `begin`, a full hour, to the one that is open, which begins at `open_from`.
    """

    begin: datetime
    open_from: datetime
    slices: dict[datetime, Counts]

    def by_hour(self) -> list[tuple[datetime, Counts, bool]]:
        """The hours, oldest first: their start, their counts, whether all of it is counted."""
        hours = []
        for number in range(HOURS):
            start = self.begin + number * _HOUR
            within = [m for m in _moments(start, start + _HOUR) if m <= self.open_from]
            known = [self.slices[moment] for moment in within if moment in self.slices]
            hours.append((start, sum(known, Counter()), len(known) == len(within)))
        return hours

    def since(self, moment: datetime) -> Counts:
        return sum((counts for at, counts in self.slices.items() if at >= moment), Counter())


def read_outcomes(now: datetime) -> Outcomes:
    """Count what is not counted yet, as far as the budget goes, newest first.

    Writes, so it is called outside the page's own read-only transaction.
    """
    open_from = _floor(now - _SETTLING)
    begin = open_from - (open_from - _EPOCH) % _HOUR - (HOURS - 1) * _HOUR
    slices = _known(begin)
    deadline = time.monotonic() + BUDGET.total_seconds()
    missing = [m for m in _moments(begin, open_from) if m not in slices]
    try:
        with bounded(longest=BUDGET):
            rows = COUNT_OPEN.fetch(begin=open_from)
        slices[open_from] = Counter({(r.status, r.failure_code): r.deliveries for r in rows})
        for first, last in _runs(missing):
            if time.monotonic() > deadline:
                break
            slices |= _count(first, last + SLICE)
    except DatabaseError as error:
        if not is_cancelled(error):
            raise
    if missing:
        FORGET.fetch(begin=begin)
    return Outcomes(begin, open_from, slices)


def _known(begin: datetime) -> dict[datetime, Counts]:
    slices: dict[datetime, Counts] = {}
    for row in KNOWN.fetch(begin=begin):
        counts = slices.setdefault(row.begins_at, Counter())
        if row.status is not None:
            counts[row.status, row.failure_code] = row.deliveries
    return slices


def _count(begin: datetime, end: datetime) -> dict[datetime, Counts]:
    with bounded(longest=BUDGET, read_only=False):
        rows = COUNT.fetch(begin=begin, end=end, slice=SLICE, epoch=_EPOCH)
    slices: dict[datetime, Counts] = {moment: Counter() for moment in _moments(begin, end)}
    for row in rows:
        slices[row.begins_at][row.status, row.failure_code] = row.deliveries
    return slices


def _runs(moments: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Neighboring slices together, not too many, newest first: the first and the last of each."""
    left = list(moments)
    while left:
        last = first = left.pop()
        for _ in range(_AT_ONCE - 1):
            if not left or left[-1] != first - SLICE:
                break
            first = left.pop()
        yield first, last


def _moments(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + n * SLICE for n in range((end - begin) // SLICE)]


def _floor(moment: datetime) -> datetime:
    return moment - (moment - _EPOCH) % SLICE
