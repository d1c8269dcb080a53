"""The log lines of what is on record: an attempt that finished, and what its delivery does next.

Written after the commit, by whoever recorded it.
"""

import logging
from typing import Any

from deliveries.states import DeliveryStatus
from deliveries.telemetry.spans import attempt_ids
from deliveries.transitions.records import Completion

logger = logging.getLogger(__name__)


def log_outcome(row: Any, done: Completion) -> None:
    """`row` is one of `transitions.complete`, `done` what was asked for: by whichever process."""
    level = logging.DEBUG if done.attempt.failure_code is None else logging.INFO
    if row.status == DeliveryStatus.SENT and not logger.isEnabledFor(level):
        return  # most of them: nothing is logged at this level
    fields = {
        "delivery_id": row.delivery_id,
        "source": row.source,
        "attempt_no": row.attempt_count,
        "status": done.attempt.status,
        "phase": done.attempt.phase,
        "failure_code": done.attempt.failure_code,
        "smtp_code": done.attempt.smtp_code,
        "outcome_unknown": done.attempt.outcome_unknown,
        **attempt_ids(
            delivery_id=row.delivery_id,
            attempt_no=row.attempt_count,
            traceparent=row.traceparent,
        ),
    }
    logger.log(level, "attempt finished", extra=fields)
    if row.next_attempt_at is not None:
        again = {**fields, "next_attempt_at": row.next_attempt_at.isoformat()}
        logger.info("retry scheduled", extra=again)
    elif row.status == DeliveryStatus.DEAD_LETTER:
        logger.warning("delivery dead-lettered", extra=fields)
    elif row.status == DeliveryStatus.SUPPRESSED:
        logger.info("delivery suppressed", extra=fields)
