"""One step of the scheduler: expiry, then the lanes in their order, then recovery."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from deliveries.database import atomic
from deliveries.outcome.counting import count_expired, count_outcomes
from deliveries.outcome.verdict import Policy, Standing, lost
from deliveries.throttle import Throttle
from deliveries.transitions.completion import complete
from deliveries.transitions.expiry import expire
from deliveries.transitions.handout import hand_out, look_ahead
from deliveries.transitions.recovery import lock_lost

logger = logging.getLogger(__name__)

BATCH = 500
# A lane holds this many attempts ready for each send that can be under way: some tenths of a second
# of work for a fast relay, and little to take back from a slow one.
HANDED_OUT_PER_SEND = 16
_ACTIVITY_SECONDS = 25.0
_EXPIRY_SECONDS = 0.2
_RECOVERY_SECONDS = 1.0


class Scheduler:
    """Any number may run: claims skip what another one has locked.

    Nobody is declared lost until the database has answered without error for one whole lease: an
    outage keeps every worker from renewing, and none of them is lost for it.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        worker_lease: timedelta,
        longest_attempt: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._patience = worker_lease.total_seconds()
        self._longest_attempt = longest_attempt
        self._clock = clock
        self._healthy_since = clock()
        self._expired_at = self._recovered_at = float("-inf")
        self._handed_out = 0
        self._activity = Throttle(seconds=_ACTIVITY_SECONDS, clock=clock)

    def step(self) -> bool:
        """One round over everything; whether more of it waits."""
        expired = self._expire()
        more = self._hand_out_lanes()
        recovered = self._recover()
        if self._activity.allow("activity"):
            logger.info("scheduler active", extra={"handed_out": self._handed_out})
            self._handed_out = 0
        return more or expired >= BATCH or recovered >= BATCH

    def note_fault(self) -> None:
        self._healthy_since = self._clock()

    def _expire(self) -> int:
        """Not with every hint: what is past its time is not handed out in the meantime either."""
        now = self._clock()
        if now - self._expired_at < _EXPIRY_SECONDS:
            return 0
        expired = expire(batch=BATCH)
        count_expired(expired)
        if expired.count < BATCH:
            self._expired_at = now
        return expired.count

    def _hand_out_lanes(self) -> bool:
        capacity, due = look_ahead()
        bound, more = capacity * HANDED_OUT_PER_SEND, False
        if bound == 0:
            return False
        for source in due:
            handed, full = hand_out(source=source, bound=bound, batch=BATCH)
            self._handed_out += handed
            more |= full
        return more

    def _recover(self) -> int:
        now = self._clock()
        if now - self._recovered_at < _RECOVERY_SECONDS:
            return 0
        self._recovered_at = now
        if now - self._healthy_since < self._patience:
            return 0
        return recover(policy=self._policy, longest_attempt=self._longest_attempt)


def recover(*, policy: Policy, longest_attempt: timedelta) -> int:
    """Record the attempts of lost workers as lost, and move their deliveries on."""
    with atomic():
        rows = lock_lost(longest=longest_attempt, batch=BATCH)
        losses = [
            (
                row.attempt_id,
                row.worker_id,
                lost(
                    standing=Standing(
                        attempt_no=row.attempt_no,
                        accepted=row.recipients_accepted,
                        refused=tuple(row.recipients_refused or ()),
                    ),
                    recipients_left=(
                        None if row.recipients_left is None else tuple(row.recipients_left)
                    ),
                    policy=policy,
                ),
            )
            for row in rows
        ]
        moved = complete(losses)
    count_outcomes(moved, {attempt_id: loss for attempt_id, _, loss in losses})
    for row in moved:
        logger.warning(
            "attempt of a lost worker recovered",
            extra={"delivery_id": row.delivery_id, "status": row.status},
        )
    return len(rows)
