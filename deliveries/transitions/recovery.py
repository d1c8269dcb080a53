"""Recovery: the attempts that lost workers held, found and locked."""

from datetime import timedelta
from typing import Any

from deliveries.database import Statement

LOST = Statement(
    name="transitions.lost",
    purpose="lock attempts in progress whose worker's lease ran out, or that run too long",
    sql="""
SELECT a.id AS attempt_id, a.worker_id, a.attempt_no, d.delivery_id,
       d.recipients_accepted, d.recipients_left, d.recipients_refused
FROM attempts AS a
JOIN deliveries AS d ON d.id = a.delivery_pk
LEFT JOIN workers AS w ON w.id = a.worker_id
WHERE a.status = 'in_progress'
  AND (w.id IS NULL OR w.lease_until <= now() OR a.started_at <= now() - %(longest)b::interval)
LIMIT %(batch)b::bigint
FOR UPDATE OF a SKIP LOCKED
""",
)


def lock_lost(*, longest: timedelta, batch: int) -> list[Any]:
    """Lock up to `batch` lost attempts in the caller's transaction; rows as in `LOST`.

    `longest` is how long an attempt may be in progress, whoever holds it.
    """
    return LOST.fetch(longest=longest, batch=batch)
