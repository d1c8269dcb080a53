"""Holds: an operator closes a source's lane at the hand-out, and opens it again.

What is handed out already is sent; expiry and cancellation go on.
"""

from typing import Any

from deliveries.database import Statement
from deliveries.states import Source

HOLD = Statement(
    name="transitions.hold",
    purpose="close a lane; a hold that stands keeps its time and takes the new reason",
    sql="""
INSERT INTO holds AS h (source, reason, created_at)
VALUES (%(source)b::text, %(reason)b::text, now())
ON CONFLICT (source) DO UPDATE SET reason = excluded.reason
RETURNING source, reason, created_at
""",
)

RELEASE = Statement(
    name="transitions.release",
    purpose="open a lane again, and wake the schedulers for what waits in it",
    sql="""
WITH released AS (
  DELETE FROM holds WHERE source = %(source)b::text RETURNING source, reason, created_at
), hint AS MATERIALIZED (
  SELECT pg_notify('mail_due', '') FROM released
)
SELECT source, reason, created_at, (SELECT count(*) FROM hint) AS hinted FROM released
""",
)

HOLDS = Statement(
    name="transitions.holds",
    purpose="what an operator holds back, and why",
    sql="SELECT source, reason, created_at FROM holds ORDER BY created_at",
)


def hold(*, source: Source, reason: str) -> Any:
    """Close the source's lane; the hold that now stands: `source`, `reason`, `created_at`."""
    return HOLD.fetch(source=source, reason=reason)[0]


def release(*, source: Source) -> Any | None:
    """Open the lane; the hold that stood, None where there was none."""
    rows = RELEASE.fetch(source=source)
    return rows[0] if rows else None


def holds() -> list[Any]:
    return HOLDS.fetch()
