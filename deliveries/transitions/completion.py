"""Completion: finished attempts and the fate of their deliveries, a batch in one statement."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from deliveries.database import Statement
from deliveries.transitions.records import Completion

COMPLETE = Statement(
    name="transitions.complete",
    purpose="record finished attempts and move their deliveries on, guarded by both states",
    sql="""
WITH input AS MATERIALIZED (
  SELECT * FROM unnest(
    %(attempt_id)b::bigint[], %(worker_id)b::bigint[], %(attempt_status)b::text[],
    %(phase)b::text[], %(attempt_failure_code)b::text[], %(outcome_unknown)b::boolean[],
    %(smtp_code)b::smallint[], %(enhanced_code)b::text[], %(summary)b::text[],
    %(recipients)b::jsonb[], %(status)b::text[], %(failure_code)b::text[],
    %(retry_after)b::interval[], %(at_expiry)b::text[], %(accepted)b::smallint[],
    %(recipients_left)b::jsonb[], %(refused)b::jsonb[]
  ) AS i(attempt_id, worker_id, attempt_status, phase, attempt_failure_code, outcome_unknown,
         smtp_code, enhanced_code, summary, recipients, status, failure_code, retry_after,
         at_expiry, accepted, recipients_left, refused)
), finished AS (
  UPDATE attempts AS a
  SET status = i.attempt_status, finished_at = now(), phase = i.phase,
      failure_code = i.attempt_failure_code, outcome_unknown = i.outcome_unknown,
      smtp_code = i.smtp_code, enhanced_code = i.enhanced_code, provider_summary = i.summary,
      recipients = i.recipients
  FROM input AS i
  WHERE a.id = i.attempt_id AND a.status = 'in_progress' AND a.worker_id = i.worker_id
  RETURNING a.id, a.delivery_pk, a.attempt_no
), fate AS MATERIALIZED (
  SELECT f.delivery_pk, f.attempt_no, i.*, d.payload_mode,
         i.status IS NULL AND d.expires_at <= now() + i.retry_after IS TRUE AS too_late
  FROM finished AS f
  JOIN input AS i ON i.attempt_id = f.id
  JOIN deliveries AS d ON d.id = f.delivery_pk
), moved AS (
  UPDATE deliveries AS d
  SET status = CASE WHEN fate.too_late THEN fate.at_expiry
                    WHEN fate.status IS NOT NULL THEN fate.status
                    WHEN fate.payload_mode = 'rendered' THEN 'queued' ELSE 'rendered' END,
      next_attempt_at = CASE WHEN NOT fate.too_late THEN now() + fate.retry_after END,
      finished_at = CASE WHEN fate.too_late OR fate.status IS NOT NULL THEN now() END,
      last_failure_code = CASE WHEN NOT fate.too_late THEN fate.failure_code
                               WHEN fate.at_expiry = 'failed' THEN 'expired' END,
      last_provider_summary = coalesce(fate.summary, d.last_provider_summary),
      recipients_accepted = fate.accepted, recipients_left = fate.recipients_left,
      recipients_refused = fate.refused
  FROM fate
  WHERE d.id = fate.delivery_pk AND d.status = 'sending' AND d.attempt_count = fate.attempt_no
  RETURNING fate.attempt_id, d.id, d.delivery_id, d.source, d.status, d.next_attempt_at,
            d.attempt_count, d.last_failure_code, d.traceparent, fate.summary
), dead AS (
  INSERT INTO dead_letters (delivery_pk, failure_code, reason, attempt_count)
  SELECT id, last_failure_code, coalesce(summary, last_failure_code), attempt_count
  FROM moved WHERE status = 'dead_letter'
), erased AS (
  UPDATE delivery_payloads AS p
  SET subject = NULL, text_body = NULL, html_body = NULL, variables = NULL
  FROM moved
  WHERE p.delivery_pk = moved.id AND moved.source = 'authsession'
    AND moved.status IN ('sent', 'suppressed', 'failed', 'dead_letter')
)
SELECT attempt_id, delivery_id, source, status, next_attempt_at, attempt_count, last_failure_code,
       traceparent
FROM moved
""",
)


def complete(completions: Sequence[tuple[int, int, Completion]]) -> list[Any]:
    """Record (attempt id, worker id, completion) in one transaction; rows as in `COMPLETE`.

    An attempt that is missing from the answer was no longer the worker's: nothing was written.
    """
    if not completions:
        return []
    records = [completion.attempt for _, _, completion in completions]
    fates = [completion for _, _, completion in completions]
    return COMPLETE.fetch(
        attempt_id=[attempt_id for attempt_id, _, _ in completions],
        worker_id=[worker_id for _, worker_id, _ in completions],
        attempt_status=[record.status for record in records],
        phase=[record.phase for record in records],
        attempt_failure_code=[record.failure_code for record in records],
        outcome_unknown=[record.outcome_unknown for record in records],
        smtp_code=[record.smtp_code for record in records],
        enhanced_code=[record.enhanced_code for record in records],
        summary=[record.summary for record in records],
        recipients=[Jsonb(record.recipients) for record in records],
        status=[fate.status for fate in fates],
        failure_code=[fate.failure_code for fate in fates],
        retry_after=[fate.retry_after for fate in fates],
        at_expiry=[fate.at_expiry for fate in fates],
        accepted=[fate.recipients_accepted for fate in fates],
        recipients_left=[_json(fate.recipients_left) for fate in fates],
        refused=[_json(fate.recipients_refused or None) for fate in fates],
    )


def _json(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value)
