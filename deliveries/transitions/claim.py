"""Claim: a worker takes attempts that were handed out, or gives them back unstarted."""

from collections.abc import Sequence
from typing import Any

from deliveries.database import Statement

# Larger content is read by the thread that sends it, one at a time, so that memory stays bounded.
INLINE_BYTES = 64 * 1024

CLAIM = Statement(
    name="transitions.claim",
    purpose="take handed-out attempts, login codes first, with what is to be sent",
    sql="""
WITH picked AS MATERIALIZED (
  SELECT id, delivery_pk FROM attempts
  WHERE status = 'scheduled' AND lane <= %(last_lane)b::smallint
  ORDER BY lane, scheduled_for LIMIT %(limit)b::bigint
  FOR UPDATE SKIP LOCKED
), begun AS (
  UPDATE attempts AS a
  SET status = 'in_progress', worker_id = %(worker_id)b::bigint, started_at = now()
  FROM picked WHERE a.id = picked.id
  RETURNING a.id, a.delivery_pk, a.attempt_no, a.lane
), hint AS MATERIALIZED (
  SELECT pg_notify('mail_due', '') FROM (SELECT FROM begun LIMIT 1) AS any_begun
)
SELECT b.id AS attempt_id, b.delivery_pk, b.attempt_no, b.lane, d.delivery_id, d.source,
       d.message_id, d.traceparent, d.tracestate,
       d.recipients_accepted, d.recipients_left, d.recipients_refused,
       extract(epoch FROM d.expires_at - now())::double precision AS expires_in,
       CASE WHEN d.source = 'authsession' THEN p.variables ->> 'code' END AS login_code,
       p.mailboxes, p.headers, p.subject, p.attachment_count, p.content_bytes,
       CASE WHEN p.content_bytes <= %(inline_bytes)b::integer THEN p.text_body END AS text_body,
       CASE WHEN p.content_bytes <= %(inline_bytes)b::integer THEN p.html_body END AS html_body,
       (SELECT count(*) FROM hint) AS hinted
FROM begun AS b
JOIN deliveries AS d ON d.id = b.delivery_pk
JOIN delivery_payloads AS p ON p.delivery_pk = b.delivery_pk
ORDER BY b.lane, b.id
""",
)

GIVE_BACK = Statement(
    name="transitions.give_back",
    purpose="undo the hand-out of attempts that never began: no row and no rung is used",
    sql="""
WITH undone AS (
  DELETE FROM attempts
  WHERE id = ANY(%(attempt_ids)b::bigint[]) AND status = 'in_progress'
    AND worker_id = %(worker_id)b::bigint
  RETURNING delivery_pk, attempt_no, scheduled_for
), moved AS (
  UPDATE deliveries AS d
  SET status = CASE d.payload_mode WHEN 'rendered' THEN 'queued' ELSE 'rendered' END,
      next_attempt_at = undone.scheduled_for, attempt_count = d.attempt_count - 1
  FROM undone
  WHERE d.id = undone.delivery_pk AND d.status = 'sending' AND d.attempt_count = undone.attempt_no
  RETURNING d.id
), hint AS MATERIALIZED (
  SELECT pg_notify('mail_due', '') FROM (SELECT FROM moved LIMIT 1) AS any_moved
)
SELECT count(*) AS given_back, (SELECT count(*) FROM hint) AS hinted FROM moved
""",
)


STRAYS = Statement(
    name="transitions.strays",
    purpose="attempts that a worker claimed and does not know of: the answer to it was lost",
    sql="""
SELECT id FROM attempts
WHERE worker_id = %(worker_id)b::bigint AND status = 'in_progress'
  AND id <> ALL(%(known)b::bigint[])
""",
)


def claim(*, worker_id: int, limit: int, last_lane: int) -> list[Any]:
    """Take up to `limit` attempts of the lanes up to `last_lane`; rows as in `CLAIM`."""
    return CLAIM.fetch(
        worker_id=worker_id, limit=limit, last_lane=last_lane, inline_bytes=INLINE_BYTES
    )


def give_back(*, worker_id: int, attempt_ids: Sequence[int]) -> int:
    """Return how many went back; the others were no longer this worker's."""
    if not attempt_ids:
        return 0
    rows = GIVE_BACK.fetch(worker_id=worker_id, attempt_ids=list(attempt_ids))
    given_back: int = rows[0].given_back
    return given_back


def strays(*, worker_id: int, known: Sequence[int]) -> list[int]:
    """The ids of what this worker has in progress, except what it knows of."""
    return [row.id for row in STRAYS.fetch(worker_id=worker_id, known=list(known))]
