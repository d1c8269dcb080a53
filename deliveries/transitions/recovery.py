"""Recovery: the attempts of lost workers, found and locked; and outcomes that come after it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deliveries.database import Statement

HELD = Statement(
    name="transitions.held",
    purpose="attempts in progress, since when, and when their workers were last seen",
    sql="""
SELECT a.id AS attempt_id, a.started_at, w.id AS worker_id, w.last_seen_at
FROM attempts AS a LEFT JOIN workers AS w ON w.id = a.worker_id
WHERE a.status = 'in_progress'
""",
)

# A worker that has left has set the end of its lease to when it was last seen.
LOST = Statement(
    name="transitions.lost",
    purpose="lock attempts that are overdue, or whose worker is silent, has left or is unknown",
    sql="""
SELECT a.id AS attempt_id, a.worker_id, a.attempt_no, a.started_at, d.delivery_id, d.source,
       d.recipients_accepted, d.recipients_left, d.recipients_refused, d.traceparent, d.tracestate
FROM attempts AS a
JOIN deliveries AS d ON d.id = a.delivery_pk
LEFT JOIN workers AS w ON w.id = a.worker_id
WHERE a.status = 'in_progress'
  AND (w.id IS NULL OR w.lease_until <= w.last_seen_at
       OR a.id = ANY(%(overdue)b::bigint[])
       OR EXISTS (
         SELECT FROM unnest(%(silent)b::bigint[], %(seen)b::timestamptz[]) AS s(id, seen)
         WHERE s.id = w.id AND s.seen = w.last_seen_at))
LIMIT %(batch)b::bigint
FOR UPDATE OF a SKIP LOCKED
""",
)

# A delivery that has ended is reopened only for an outcome that ends it too.
REOPEN = Statement(
    name="transitions.reopen",
    purpose="undo the recovery of attempts whose worker has their outcome after all",
    sql="""
WITH found AS MATERIALIZED (
  SELECT a.id, a.delivery_pk, d.status
  FROM unnest(%(attempt_id)b::bigint[], %(ends)b::boolean[]) AS i(attempt_id, ends)
  JOIN attempts AS a ON a.id = i.attempt_id
  JOIN deliveries AS d ON d.id = a.delivery_pk
  WHERE a.worker_id = %(worker_id)b::bigint AND a.status = 'timed_out'
    AND a.failure_code = 'worker_lost' AND d.attempt_count = a.attempt_no
    AND (d.status IN ('queued', 'rendered') OR (i.ends AND d.status IN ('failed', 'dead_letter')))
  FOR UPDATE OF a, d
), reopened AS (
  UPDATE attempts AS a
  SET status = 'in_progress', finished_at = NULL, failure_code = NULL, outcome_unknown = false
  FROM found WHERE a.id = found.id
), undead AS (
  DELETE FROM dead_letters AS l USING found WHERE l.delivery_pk = found.delivery_pk
)
UPDATE deliveries AS d
SET status = 'sending', next_attempt_at = NULL, finished_at = NULL
FROM found WHERE d.id = found.delivery_pk
RETURNING found.id AS attempt_id
""",
)

WRITTEN = Statement(
    name="transitions.written",
    purpose="outcomes that stand already: the reply to their COMMIT was lost",
    sql="""
SELECT a.id AS attempt_id, d.delivery_id, d.source, d.status, d.next_attempt_at, d.attempt_count,
       d.last_failure_code, d.traceparent
FROM unnest(%(attempt_id)b::bigint[], %(status)b::text[]) AS i(attempt_id, status)
JOIN attempts AS a ON a.id = i.attempt_id
JOIN deliveries AS d ON d.id = a.delivery_pk
WHERE a.worker_id = %(worker_id)b::bigint AND a.status = i.status
  AND a.failure_code IS DISTINCT FROM 'worker_lost'
""",
)


@dataclass(frozen=True, slots=True)
class Held:
    """What is in progress: each attempt's start, and when each worker that has any was last seen.

    Both by id, and by the database's clock.
    """

    attempts: dict[int, datetime]
    workers: dict[int, datetime]


def held() -> Held:
    rows = HELD.fetch()
    return Held(
        attempts={row.attempt_id: row.started_at for row in rows},
        workers={row.worker_id: row.last_seen_at for row in rows if row.worker_id is not None},
    )


def lock_lost(*, silent: Mapping[int, datetime], overdue: Collection[int], batch: int) -> list[Any]:
    """Lock up to `batch` lost attempts in the caller's transaction; rows as in `LOST`.

    `silent` are the workers that count as lost, as long as they have not been seen since; `overdue`
    the attempts that are lost whoever holds them.
    """
    return LOST.fetch(
        silent=list(silent), seen=list(silent.values()), overdue=list(overdue), batch=batch
    )


def reopen(*, worker_id: int, attempt_ids: Sequence[int], ends: Sequence[bool]) -> set[int]:
    """Take recovered attempts of this worker back in progress, in the caller's transaction.

    Only those whose delivery has not been handed out since; one that has ended, by the recovery or
    after it, only where the outcome that is now known `ends` it too. Returns which.
    """
    rows = REOPEN.fetch(worker_id=worker_id, attempt_id=list(attempt_ids), ends=list(ends))
    return {row.attempt_id for row in rows}


def written(*, worker_id: int, attempt_ids: Sequence[int], statuses: Sequence[str]) -> list[Any]:
    """Those of this worker's attempts that have the status given for them; rows as of
    `complete`."""
    return WRITTEN.fetch(worker_id=worker_id, attempt_id=list(attempt_ids), status=list(statuses))
