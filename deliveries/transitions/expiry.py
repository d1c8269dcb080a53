"""Expiry: what is past its time ends, wherever nothing is on its way to the relay."""

from collections.abc import Sequence
from dataclasses import dataclass

from deliveries.database import Statement

# Those that wait, and those that are handed out but not started: a worker ends what it has in hand
# itself, just before MAIL. The attempt is locked before its delivery, as everywhere.
EXPIRE = Statement(
    name="transitions.expire",
    purpose="end deliveries past their expiry that no worker has in hand",
    sql="""
WITH waiting AS MATERIALIZED (
  SELECT id FROM deliveries
  WHERE status IN ('queued', 'rendered') AND expires_at IS NOT NULL AND expires_at <= now()
  LIMIT %(batch)b::bigint FOR UPDATE SKIP LOCKED
), handed_out AS MATERIALIZED (
  SELECT a.id, a.delivery_pk FROM deliveries AS d JOIN attempts AS a ON a.delivery_pk = d.id
  WHERE d.status = 'sending' AND d.expires_at IS NOT NULL AND d.expires_at <= now()
    AND a.status = 'scheduled'
  LIMIT %(batch)b::bigint FOR UPDATE OF a SKIP LOCKED
), undone AS (
  DELETE FROM attempts AS a USING handed_out AS h
  WHERE a.id = h.id AND a.status = 'scheduled' RETURNING a.delivery_pk
), moved AS (
  UPDATE deliveries AS d
  SET status = CASE WHEN d.recipients_accepted > 0 THEN 'sent' ELSE 'failed' END,
      last_failure_code = CASE WHEN d.recipients_accepted > 0 THEN NULL ELSE 'expired' END,
      next_attempt_at = NULL, finished_at = now(),
      attempt_count = d.attempt_count - (d.status = 'sending')::integer
  FROM (SELECT id FROM waiting UNION ALL SELECT delivery_pk FROM undone) AS late
  WHERE d.id = late.id AND d.status IN ('queued', 'rendered', 'sending')
  RETURNING d.id, d.source, d.status
), erased AS (
  UPDATE delivery_payloads AS p
  SET subject = NULL, text_body = NULL, html_body = NULL, variables = NULL
  FROM moved WHERE p.delivery_pk = moved.id AND moved.source = 'authsession'
)
SELECT count(*) AS expired, count(*) FILTER (WHERE status = 'sent') AS sent FROM moved
""",
)

EXPIRE_IN_HAND = Statement(
    name="transitions.expire_in_hand",
    purpose="end deliveries that a worker found past their expiry just before MAIL",
    sql="""
WITH undone AS (
  DELETE FROM attempts
  WHERE id = ANY(%(attempt_ids)b::bigint[]) AND status = 'in_progress'
    AND worker_id = %(worker_id)b::bigint
  RETURNING delivery_pk, attempt_no
), moved AS (
  UPDATE deliveries AS d
  SET status = CASE WHEN d.recipients_accepted > 0 THEN 'sent' ELSE 'failed' END,
      last_failure_code = CASE WHEN d.recipients_accepted > 0 THEN NULL ELSE 'expired' END,
      finished_at = now(), attempt_count = d.attempt_count - 1
  FROM undone
  WHERE d.id = undone.delivery_pk AND d.status = 'sending' AND d.attempt_count = undone.attempt_no
  RETURNING d.id, d.source, d.status
), erased AS (
  UPDATE delivery_payloads AS p
  SET subject = NULL, text_body = NULL, html_body = NULL, variables = NULL
  FROM moved WHERE p.delivery_pk = moved.id AND moved.source = 'authsession'
)
SELECT count(*) AS expired, count(*) FILTER (WHERE status = 'sent') AS sent FROM moved
""",
)


@dataclass(frozen=True, slots=True)
class ExpiredCount:
    """How many deliveries ended, and how many of them as sent: some recipient had been reached."""

    count: int = 0
    sent: int = 0


def expire(*, batch: int) -> ExpiredCount:
    """End up to `batch` waiting deliveries and as many handed-out ones."""
    row = EXPIRE.fetch(batch=batch)[0]
    return ExpiredCount(count=row.expired, sent=row.sent)


def expire_in_hand(*, worker_id: int, attempt_ids: Sequence[int]) -> ExpiredCount:
    if not attempt_ids:
        return ExpiredCount()
    row = EXPIRE_IN_HAND.fetch(worker_id=worker_id, attempt_ids=list(attempt_ids))[0]
    return ExpiredCount(count=row.expired, sent=row.sent)
