"""Cancellation: an operator ends what waits, as long as it is not handed out."""

from collections.abc import Sequence
from typing import Any

from deliveries.database import Statement

# A delivery whose hand-out is under way is waited for, and then seen to be handed out. What had
# reached some of its recipients ends as sent, as at its expiry.
CANCEL = Statement(
    name="transitions.cancel",
    purpose="end deliveries that wait and are not handed out; a login code's content is erased",
    sql="""
WITH moved AS (
  UPDATE deliveries AS d
  SET status = CASE WHEN d.recipients_accepted > 0 THEN 'sent' ELSE 'failed' END,
      last_failure_code = CASE WHEN d.recipients_accepted > 0 THEN NULL ELSE 'cancelled' END,
      next_attempt_at = NULL, finished_at = now()
  WHERE d.delivery_id = ANY(%(delivery_ids)b::text[]) AND d.status IN ('queued', 'rendered')
  RETURNING d.id, d.delivery_id, d.source, d.status, d.recipients_accepted
), erased AS (
  UPDATE delivery_payloads AS p
  SET subject = NULL, text_body = NULL, html_body = NULL, variables = NULL
  FROM moved WHERE p.delivery_pk = moved.id AND moved.source = 'authsession'
)
SELECT delivery_id, status, recipients_accepted FROM moved
""",
)

STANDING = Statement(
    name="transitions.standing",
    purpose="the states of the deliveries that could not be cancelled",
    sql="""
SELECT delivery_id, status, last_failure_code FROM deliveries
WHERE delivery_id = ANY(%(delivery_ids)b::text[])
""",
)


def cancel(delivery_ids: Sequence[str]) -> list[Any]:
    """End those that wait; rows as in `CANCEL`. The others are missing from the answer."""
    return CANCEL.fetch(delivery_ids=list(delivery_ids))


def standing(delivery_ids: Sequence[str]) -> list[Any]:
    """Where deliveries stand; rows as in `STANDING`. Unknown ones are missing from the answer."""
    return STANDING.fetch(delivery_ids=list(delivery_ids))
