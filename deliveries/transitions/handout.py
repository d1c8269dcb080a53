"""Hand-out: a due delivery becomes an attempt that a worker may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from deliveries.database import Statement
from deliveries.states import Source

LANES = {source: lane for lane, source in enumerate(Source)}
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

# MATERIALIZED, because a nested loop may run a plain subquery, and its LIMIT, once per row.
HAND_OUT = Statement(
    name="transitions.hand_out",
    purpose="turn a lane's due deliveries into attempts, oldest first, up to the lane's room",
    sql="""
WITH room AS MATERIALIZED (
  SELECT greatest(0, %(bound)b::bigint - (
    SELECT count(*) FROM (
      SELECT FROM attempts WHERE status = 'scheduled' AND lane = %(lane)b::smallint
      LIMIT %(bound)b::bigint) AS handed_out)) AS places
), due AS MATERIALIZED (
  SELECT id, next_attempt_at FROM deliveries
  WHERE source = %(source)b::text AND status IN ('queued', 'rendered')
    AND next_attempt_at >= %(floor)b::timestamptz AND next_attempt_at <= now()
    AND (expires_at IS NULL OR expires_at > now())
  ORDER BY next_attempt_at
  LIMIT (SELECT least(places, %(batch)b::bigint) FROM room)
  FOR UPDATE SKIP LOCKED
), moved AS (
  UPDATE deliveries AS d
  SET status = 'sending', next_attempt_at = NULL, attempt_count = d.attempt_count + 1
  FROM due WHERE d.id = due.id
  RETURNING d.id, d.attempt_count, due.next_attempt_at
), handed AS (
  INSERT INTO attempts (delivery_pk, attempt_no, lane, status, scheduled_for)
  SELECT id, attempt_count, %(lane)b::smallint, 'scheduled', next_attempt_at FROM moved
  RETURNING 1
), hint AS MATERIALIZED (
  SELECT pg_notify('mail_handed_out', '') FROM (SELECT FROM handed LIMIT 1) AS any_handed
)
SELECT (SELECT count(*) FROM handed) AS handed, (SELECT max(next_attempt_at) FROM moved) AS latest,
       (SELECT count(*) FROM hint) AS hinted
""",
)

# LATERAL with a LIMIT of its own, so that it reads one index entry per lane.
LOOK_AHEAD = Statement(
    name="transitions.look_ahead",
    purpose="how much the living workers can send at once, and which lanes have something due",
    sql="""
SELECT (SELECT coalesce(sum(capacity), 0)::integer FROM workers
        WHERE type = 'attempts' AND lease_until > now()) AS capacity,
  ARRAY(
    SELECT lane.source
    FROM unnest(%(sources)b::text[], %(floors)b::timestamptz[]) WITH ORDINALITY
      AS lane(source, floor, place)
    CROSS JOIN LATERAL (
      SELECT FROM deliveries AS d
      WHERE d.source = lane.source AND d.status IN ('queued', 'rendered')
        AND d.next_attempt_at >= lane.floor AND d.next_attempt_at <= now()
        AND (d.expires_at IS NULL OR d.expires_at > now())
      ORDER BY d.next_attempt_at LIMIT 1
    ) AS first_due
    WHERE NOT EXISTS (SELECT FROM holds WHERE holds.source = lane.source)
    ORDER BY lane.place
  ) AS due
""",
)


@dataclass(frozen=True, slots=True)
class HandedOut:
    """`latest` is the latest time that one of them had waited for, None when there was none."""

    count: int
    latest: datetime | None
    is_full: bool  # the batch was the limit, so more may wait


def hand_out(*, source: Source, bound: int, batch: int, floor: datetime = BEGINNING) -> HandedOut:
    """Hand out at most `batch` attempts of a lane, never more than `bound` at a time.

    What is due since before `floor` is left: see `schedule.floors`.
    """
    (row,) = HAND_OUT.fetch(
        source=source, lane=LANES[source], bound=bound, batch=batch, floor=floor
    )
    return HandedOut(row.handed, row.latest, row.handed == batch)


def look_ahead(floors: Mapping[Source, datetime] | None = None) -> tuple[int, list[Source]]:
    """The capacity of the living attempt workers, and the sources to hand out, in their order.

    A source is one of them when something of it is due and no operator holds it back.
    """
    known = floors or {}
    row = LOOK_AHEAD.fetch(
        sources=list(LANES), floors=[known.get(source, BEGINNING) for source in LANES]
    )[0]
    return row.capacity, [Source(source) for source in row.due]
