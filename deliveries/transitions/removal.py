"""Removal: ended deliveries leave the record, with their attempts and their dead letter.

Like its neighbours a guarded statement: what has not ended is never looked at twice. Content and
reservations go before, each at its own time; a delivery that still has one of them stays, so a key
that lives keeps the delivery it stands for.
"""

from datetime import timedelta
from typing import Any

from deliveries.database import Statement

# A page of keys, not of ended rows: no index but the key's is needed, and what stays behind (a mail
# that is to leave in a month) is passed over. `= ANY(ARRAY(...))`, because a join may read a table
# whole.
REMOVE = Statement(
    name="transitions.remove",
    purpose="remove the deliveries of one page of keys that ended long enough ago",
    sql="""
WITH page AS MATERIALIZED (
  SELECT id, created_at, finished_at, status FROM deliveries
  WHERE id > %(after)b::bigint ORDER BY id LIMIT %(batch)b::bigint
), old AS MATERIALIZED (
  SELECT d.id FROM deliveries AS d
  WHERE d.id = ANY(ARRAY(
      SELECT id FROM page
      WHERE status IN ('sent', 'suppressed', 'failed', 'dead_letter')
        AND finished_at < now() - %(keep)b::interval))
    AND d.status IN ('sent', 'suppressed', 'failed', 'dead_letter')
    AND NOT EXISTS (SELECT FROM delivery_payloads AS p WHERE p.delivery_pk = d.id)
    AND NOT EXISTS (SELECT FROM idempotency_reservations AS r WHERE r.delivery_pk = d.id)
  FOR UPDATE OF d SKIP LOCKED
), tried AS (
  DELETE FROM attempts WHERE delivery_pk = ANY(ARRAY(SELECT id FROM old)) RETURNING 1
), dead AS (
  DELETE FROM dead_letters WHERE delivery_pk = ANY(ARRAY(SELECT id FROM old)) RETURNING 1
), gone AS (
  DELETE FROM deliveries WHERE id = ANY(ARRAY(SELECT id FROM old)) RETURNING 1
)
SELECT (SELECT max(id) FROM page) AS last,
       EXISTS (SELECT FROM page WHERE created_at < now() - %(keep)b::interval) AS reached,
       (SELECT count(*) FROM gone) AS deliveries,
       (SELECT count(*) FROM tried) AS attempts,
       (SELECT count(*) FROM dead) AS dead_letters
""",
)


def remove(*, after: int, batch: int, keep: timedelta) -> Any:
    """Look at the `batch` deliveries after the key `after`; the one row as in `REMOVE`.

    `last` is the last key looked at, None at the table's end; `reached` says whether any of the
    page was old enough to have ended `keep` ago.
    """
    return REMOVE.fetch(after=after, batch=batch, keep=keep)[0]
