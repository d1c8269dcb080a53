"""What the front page asks the database: each read bounded by rows, whatever the tables hold."""

from datetime import datetime

from deliveries.console.health.facts import Lane, Readings, Sends
from deliveries.database import Statement
from deliveries.states import Source

MOST_COUNTED = 10_000
LATEST_ATTEMPTS = 1_000
LATEST_MALFORMED = 1_000
# upper ends, in seconds, of the bars of the picture; what is above the last has a bar of its own
DURATIONS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

BACKLOG = Statement(
    name="console.backlog",
    purpose="what waits, a lane at a time: due, with the time of the longest due, and later",
    sql="""
SELECT lane.source, due.deliveries AS due, due.since, later.deliveries AS later
FROM unnest(%(sources)b::text[]) AS lane(source),
LATERAL (
  SELECT count(*) AS deliveries, min(next_attempt_at) AS since FROM (
    SELECT next_attempt_at FROM deliveries
    WHERE status IN ('queued', 'rendered') AND source = lane.source AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT %(most)b::integer) AS counted
) AS due,
LATERAL (
  SELECT count(*) AS deliveries FROM (
    SELECT FROM deliveries
    WHERE status IN ('queued', 'rendered') AND source = lane.source AND next_attempt_at > now()
    ORDER BY next_attempt_at LIMIT %(most)b::integer) AS counted
) AS later
""",
)

IN_HAND = Statement(
    name="console.in_hand",
    purpose="attempts handed out and not claimed, and those that a worker has",
    sql="""
SELECT (SELECT count(*) FROM (SELECT FROM attempts WHERE status = 'scheduled'
                              LIMIT %(most)b::integer) AS counted) AS handed_out,
       (SELECT count(*) FROM (SELECT FROM attempts WHERE status = 'in_progress'
                              LIMIT %(most)b::integer) AS counted) AS in_progress
""",
)

SENDS = Statement(
    name="console.sends",
    purpose="how long the latest attempts took, in bars, and their percentiles in seconds",
    sql="""
WITH latest AS MATERIALIZED (
  SELECT status, extract(epoch FROM finished_at - started_at)::float8 AS seconds
  FROM (SELECT status, started_at, finished_at FROM attempts
        ORDER BY id DESC LIMIT %(latest)b::integer) AS newest
  WHERE finished_at IS NOT NULL
)
SELECT width_bucket(seconds, %(ends)b::float8[]) AS bar, count(*) AS attempts,
       count(*) FILTER (WHERE status = 'provider_accepted') AS accepted,
       (SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds)
        FROM latest) AS percentiles
FROM latest GROUP BY bar
""",
)

PROCESSES = Statement(
    name="console.processes",
    purpose="the processes that hold a lease, and those that lost theirs within the last hour",
    sql="""
SELECT id, type, host, pid, capacity, started_at, last_seen_at, lease_until > now() AS alive
FROM workers
WHERE lease_until > now()
   OR (lease_until > now() - interval '1 hour' AND lease_until > last_seen_at)
ORDER BY type, host, pid LIMIT 200
""",
)

HOLDS = Statement(
    name="console.holds",
    purpose="the sources that are held",
    sql="SELECT source, reason, created_at FROM holds ORDER BY source",
)

STREAMS = Statement(
    name="console.streams",
    purpose="how far the streams are read",
    sql="""
SELECT stream, last_entry_id, entries_finished, gap_entries, updated_at
FROM stream_cursors ORDER BY stream LIMIT 20
""",
)

MALFORMED = Statement(
    name="console.malformed",
    purpose="how many of the latest malformed commands are of the last day",
    sql="""
SELECT count(*) AS commands FROM (
  SELECT recorded_at FROM malformed_commands ORDER BY id DESC LIMIT %(latest)b::integer
) AS latest WHERE recorded_at > now() - interval '1 day'
""",
)


def take_readings(now: datetime) -> Readings:
    (in_hand,) = IN_HAND.fetch(most=MOST_COUNTED)
    (malformed,) = MALFORMED.fetch(latest=LATEST_MALFORMED)
    processes = PROCESSES.fetch()
    return Readings(
        now=now,
        lanes=tuple(Lane(*row) for row in BACKLOG.fetch(sources=list(Source), most=MOST_COUNTED)),
        handed_out=in_hand.handed_out,
        in_progress=in_hand.in_progress,
        sends=_sends(),
        processes=tuple(row for row in processes if row.alive),
        lost=tuple(row for row in processes if not row.alive),
        holds=tuple(HOLDS.fetch()),
        streams=tuple(STREAMS.fetch()),
        malformed=malformed.commands,
    )


def _sends() -> Sends:
    rows = SENDS.fetch(latest=LATEST_ATTEMPTS, ends=list(DURATIONS))
    bars = [(0, 0)] * (len(DURATIONS) + 1)
    for row in rows:
        bars[row.bar] = (row.accepted, row.attempts - row.accepted)
    return Sends(tuple(bars), tuple(rows[0].percentiles) if rows else None)
