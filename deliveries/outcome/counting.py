"""The metrics of what is on record: attempts that finished, deliveries that ended.

Counted after the commit, by whoever wrote it, a batch at a time.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from deliveries.states import DeliveryStatus, FailureCode
from deliveries.telemetry import metrics
from deliveries.transitions.expiry import ExpiredCount
from deliveries.transitions.records import Completion


def count_outcomes(moved: Iterable[Any], completions: Mapping[int, Completion]) -> None:
    """`moved` are the rows of `transitions.complete`, `completions` what was asked for by id."""
    ended: Counter[tuple[Any, ...]] = Counter()
    attempts: Counter[tuple[str, str | None]] = Counter()
    partial = 0
    for row in moved:
        done = completions[row.attempt_id]
        attempts[done.attempt.status, done.attempt.failure_code] += 1
        if row.next_attempt_at is None:
            ended[row.status, row.last_failure_code, row.source] += 1
            missed = done.recipients_refused or done.recipients_left
            partial += bool(missed) and row.status == DeliveryStatus.SENT
    for (status, failure_code), count in attempts.items():
        metrics.OUTCOMES.add(count, status=status, failure_code=failure_code)
    for (status, failure_code, source), count in ended.items():
        _count_end(status, count, failure_code=failure_code, source=source)
    if partial:
        metrics.PARTIAL.add(partial)


def count_expired(expired: ExpiredCount) -> None:
    if expired.count > expired.sent:
        metrics.FAILED.add(expired.count - expired.sent, failure_code=FailureCode.EXPIRED)
    if expired.sent:  # somebody was reached, somebody was left
        metrics.SENT.add(expired.sent)
        metrics.PARTIAL.add(expired.sent)


def _count_end(status: str, count: int, *, failure_code: str | None, source: str) -> None:
    if status == DeliveryStatus.SENT:
        metrics.SENT.add(count)
    elif status == DeliveryStatus.SUPPRESSED:
        metrics.SUPPRESSED.add(count, source=source)
    elif status == DeliveryStatus.DEAD_LETTER:
        metrics.DEAD_LETTERS.add(count)
    else:
        metrics.FAILED.add(count, failure_code=failure_code)
