"""What one scheduler does for all: it ends the expired and recovers what lost workers held."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from deliveries import crash
from deliveries.crash import Point
from deliveries.database import atomic
from deliveries.outcome.counting import count_expired, count_outcomes
from deliveries.outcome.log_lines import log_outcome
from deliveries.outcome.verdict import Policy, Standing, lost
from deliveries.schedule.silence import Silence
from deliveries.telemetry.facts import Tried
from deliveries.telemetry.spans import record_recovery
from deliveries.transitions.completion import complete
from deliveries.transitions.expiry import expire
from deliveries.transitions.records import Completion
from deliveries.transitions.recovery import held, lock_lost

logger = logging.getLogger(__name__)

BATCH = 500

Lead = Callable[[], int | None]


class Maintenance:
    """Any number may run: the one that leads works, the others watch, to be ready.

    `lead` takes or keeps the leadership and returns its epoch, None while another process has it.
    The statements are guarded by the states that they change, so one that led and was frozen does
    no harm when it goes on. An attempt in progress for `longest_attempt` is lost, whoever holds it.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        worker_lease: timedelta,
        longest_attempt: timedelta,
        lead: Lead,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._lead = lead
        self._clock = clock
        self._workers = Silence(seconds=worker_lease.total_seconds())
        self._attempts = Silence(seconds=longest_attempt.total_seconds())

    def step(self) -> bool:
        """One round; whether more of it waits."""
        in_progress, now = held(), self._clock()
        silent = self._workers.observe(in_progress.workers, now=now)
        overdue = self._attempts.observe(in_progress.attempts, now=now)
        if self._lead() is None:
            return False
        expired = expire(batch=BATCH)
        if expired.count:
            crash.here(Point.SCHEDULER_EXPIRED)
        count_expired(expired)
        recovered = recover(policy=self._policy, silent=silent, overdue=overdue)
        return expired.count >= BATCH or recovered >= BATCH

    def note_fault(self) -> None:
        """The database was away, and with it every worker from its heartbeat."""
        self._workers.forget()
        self._attempts.forget()


def recover(*, policy: Policy, silent: Mapping[int, datetime], overdue: Collection[int]) -> int:
    """Record as lost the attempts of lost workers, and `overdue` ones; move their deliveries on."""
    with atomic():
        rows = lock_lost(silent=silent, overdue=overdue, batch=BATCH)
        losses = {row.attempt_id: _loss(row, policy) for row in rows}
        moved = complete([(row.attempt_id, row.worker_id, losses[row.attempt_id]) for row in rows])
        if moved:
            crash.here(Point.SCHEDULER_RECOVERING)
    if moved:
        crash.here(Point.SCHEDULER_RECOVERED)
    count_outcomes(moved, losses)
    found = {row.attempt_id: row for row in rows}
    for row in moved:
        logger.warning(
            "attempt of a lost worker recovered",
            extra={"delivery_id": row.delivery_id, "status": row.status},
        )
        log_outcome(row, losses[row.attempt_id])
        _trace(found[row.attempt_id], losses[row.attempt_id])
    return len(rows)


def _trace(row: Any, loss: Completion) -> None:
    record_recovery(
        Tried(
            delivery_id=row.delivery_id,
            source=row.source,
            attempt_no=row.attempt_no,
            status=loss.attempt.status,
            failure_code=loss.attempt.failure_code,
            outcome_unknown=loss.attempt.outcome_unknown,
        ),
        traceparent=row.traceparent,
        tracestate=row.tracestate,
        began=int(row.started_at.timestamp() * 1e9),
    )


def _loss(row: Any, policy: Policy) -> Completion:
    return lost(
        standing=Standing(
            attempt_no=row.attempt_no,
            accepted=row.recipients_accepted,
            refused=tuple(row.recipients_refused or ()),
        ),
        recipients_left=None if row.recipients_left is None else tuple(row.recipients_left),
        policy=policy,
    )
