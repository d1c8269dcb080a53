"""What waits: by lane, behind holds, handed out, with workers."""

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.diagnosis.facts import Bounded, HoldFacts, LaneFacts, ScheduleFacts
from deliveries.diagnosis.gathering.bounds import looking
from deliveries.states import Source

MOST = 100_000

# Counting stops at the bound: a backlog of millions costs no more than one of a hundred thousand.
LANE = Statement(
    name="diagnosis.lane",
    purpose="how many deliveries of a source are due, and how long the first of them has been",
    sql="""
SELECT (SELECT count(*) FROM (
          SELECT FROM deliveries
          WHERE source = %(source)b::text AND status IN ('queued', 'rendered')
            AND next_attempt_at <= now() LIMIT %(most)b::bigint + 1) AS due) AS waiting,
       coalesce((
          SELECT extract(epoch FROM now() - next_attempt_at) FROM deliveries
          WHERE source = %(source)b::text AND status IN ('queued', 'rendered')
            AND next_attempt_at <= now()
          ORDER BY next_attempt_at LIMIT 1), 0)::float8 AS overdue
""",
)

HANDED_OUT = Statement(
    name="diagnosis.handed_out",
    purpose="attempts that wait for a worker",
    sql="""
SELECT count(*) AS waiting,
       greatest(0, coalesce(max(extract(epoch FROM now() - scheduled_for)), 0))::float8 AS overdue
FROM (SELECT scheduled_for FROM attempts WHERE status = 'scheduled'
      LIMIT %(most)b::bigint + 1) AS handed_out
""",
)

IN_PROGRESS = Statement(
    name="diagnosis.in_progress",
    purpose="attempts that are with a worker",
    sql="""
SELECT count(*) AS held, coalesce(max(extract(epoch FROM now() - started_at)), 0)::float8 AS longest
FROM (SELECT started_at FROM attempts WHERE status = 'in_progress'
      LIMIT %(most)b::bigint + 1) AS in_progress
""",
)

HOLDS = Statement(
    name="diagnosis.holds",
    purpose="what operators hold back",
    sql="""
SELECT source, reason, extract(epoch FROM now() - created_at)::float8 AS age
FROM holds ORDER BY source
""",
)


def gather_schedule(_config: Config) -> ScheduleFacts:
    with looking():
        lanes = tuple(_lane(source) for source in Source)
        holds = HOLDS.fetch()
        handed_out = HANDED_OUT.fetch(most=MOST)[0]
        in_progress = IN_PROGRESS.fetch(most=MOST)[0]
    waiting = {lane.source: lane.waiting for lane in lanes}
    return ScheduleFacts(
        lanes=lanes,
        holds=tuple(
            HoldFacts(row.source, row.reason, row.age, waiting.get(row.source, Bounded(0)))
            for row in holds
        ),
        handed_out=bounded(handed_out.waiting, MOST),
        handed_out_overdue=handed_out.overdue,
        in_progress=bounded(in_progress.held, MOST),
        longest_in_progress=in_progress.longest,
    )


def _lane(source: Source) -> LaneFacts:
    row = LANE.fetch(source=source, most=MOST)[0]
    return LaneFacts(source=source, waiting=bounded(row.waiting, MOST), overdue=row.overdue)


def bounded(count: int, most: int) -> Bounded:
    return Bounded(min(count, most), more=count > most)
