"""Completion: finished attempts and the fate of their deliveries, a batch in one statement."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Json

from deliveries.database import Statement
from deliveries.transitions.records import Completion

COMPLETE = Statement(
    name="transitions.complete",
    purpose="record finished attempts and move their deliveries on, guarded by both states",
    sql="""
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(completions)b::json) AS i(
    attempt_id bigint, worker_id bigint, attempt_status text, phase text,
    attempt_failure_code text, outcome_unknown boolean, smtp_code smallint, enhanced_code text,
    summary text, recipients jsonb, status text, failure_code text, retry_after interval,
    at_expiry text, accepted smallint, recipients_left jsonb, refused jsonb)
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
    rows = [_row(attempt_id, worker_id, done) for attempt_id, worker_id, done in completions]
    return COMPLETE.fetch(completions=Json(rows))


def _row(attempt_id: int, worker_id: int, done: Completion) -> dict[str, Any]:
    """One element of the statement's input.

    One JSON document for the batch costs a quarter of one array per column: psycopg makes those in
    Python, element by element.
    """
    record, wait = done.attempt, done.retry_after
    return {
        "attempt_id": attempt_id,
        "worker_id": worker_id,
        "attempt_status": record.status,
        "phase": record.phase,
        "attempt_failure_code": record.failure_code,
        "outcome_unknown": record.outcome_unknown,
        "smtp_code": record.smtp_code,
        "enhanced_code": record.enhanced_code,
        "summary": record.summary,
        "recipients": record.recipients,
        "status": done.status,
        "failure_code": done.failure_code,
        "retry_after": None if wait is None else f"{wait.total_seconds()} s",
        "at_expiry": done.at_expiry,
        "accepted": done.recipients_accepted,
        "recipients_left": done.recipients_left,
        "refused": done.recipients_refused or None,
    }
