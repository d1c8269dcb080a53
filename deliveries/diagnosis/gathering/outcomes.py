"""How attempts and deliveries have ended lately.

No index is kept for these questions. They read only some thousands of the newest rows, by the keys
and indexes that there are, and of those the last hour's.
"""

from collections import defaultdict
from typing import Any

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.diagnosis.facts import (
    EndFacts,
    Ending,
    MalformedFacts,
    OutcomeFacts,
    Reason,
)
from deliveries.diagnosis.gathering.bounds import looking
from deliveries.diagnosis.masking import mask

NEWEST = 20_000
_UNMATCHED = 5

ENDINGS = Statement(
    name="diagnosis.endings",
    purpose="the newest finished attempts of the last hour, by how they ended",
    sql="""
WITH newest AS MATERIALIZED (
  SELECT status, failure_code, outcome_unknown, finished_at
  FROM attempts ORDER BY id DESC LIMIT %(newest)b::bigint
)
SELECT status, failure_code, count(*) AS count,
       count(*) FILTER (WHERE outcome_unknown) AS unknown,
       count(*) FILTER (WHERE finished_at > now() - interval '1 minute') AS last_minute,
       extract(epoch FROM now() - max(finished_at))::float8 AS last_ago
FROM newest WHERE finished_at > now() - interval '1 hour'
GROUP BY status, failure_code
ORDER BY count DESC
""",
)

DURATIONS = Statement(
    name="diagnosis.durations",
    purpose="how long the newest attempts of the last ten minutes took",
    sql="""
WITH newest AS MATERIALIZED (
  SELECT extract(epoch FROM finished_at - started_at)::float8 AS seconds, finished_at, phase
  FROM attempts ORDER BY id DESC LIMIT 2000
)
SELECT count(*) AS count, percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY seconds) AS p95, max(seconds) AS longest
FROM newest WHERE finished_at > now() - interval '10 minutes' AND phase IS NOT NULL
""",
)

DEAD_LETTERS = Statement(
    name="diagnosis.dead_letters",
    purpose="the newest dead letters of the last hour by reason",
    sql="""
WITH newest AS MATERIALIZED (
  SELECT delivery_pk, failure_code, reason, recorded_at
  FROM dead_letters WHERE recorded_at > now() - interval '1 hour'
  ORDER BY recorded_at DESC LIMIT %(newest)b::bigint
)
SELECT d.source, n.failure_code, n.reason AS summary, count(*) AS count,
       count(*) FILTER (WHERE EXISTS (
         SELECT FROM deliveries AS c WHERE c.parent_delivery_id = d.delivery_id)) AS resent,
       extract(epoch FROM now() - max(n.recorded_at))::float8 AS last_ago
FROM newest AS n JOIN deliveries AS d ON d.id = n.delivery_pk
GROUP BY d.source, n.failure_code, n.reason
ORDER BY count DESC LIMIT 2000
""",
)

SUPPRESSED = Statement(
    name="diagnosis.suppressed",
    purpose="the newest suppressed deliveries of the last hour by source and reply",
    sql="""
WITH newest AS MATERIALIZED (
  SELECT source, last_failure_code, last_provider_summary, attempt_count, finished_at
  FROM deliveries WHERE status = 'suppressed' ORDER BY id * -1 LIMIT %(newest)b::bigint
)
SELECT source, last_failure_code AS failure_code, last_provider_summary AS summary,
       attempt_count = 0 AS stubbed, count(*) AS count,
       extract(epoch FROM now() - max(finished_at))::float8 AS last_ago
FROM newest WHERE finished_at > now() - interval '1 hour'
GROUP BY source, last_failure_code, last_provider_summary, attempt_count = 0
ORDER BY count DESC LIMIT 2000
""",
)

UNMATCHED = Statement(
    name="diagnosis.unmatched",
    purpose="what no constraint can hold: a dead letter and its entry, each without the other",
    sql="""
WITH entries AS MATERIALIZED (
  SELECT delivery_pk FROM dead_letters ORDER BY delivery_pk DESC LIMIT %(newest)b::bigint
), newest AS MATERIALIZED (
  SELECT id, delivery_id FROM deliveries
  WHERE status = 'dead_letter' ORDER BY id * -1 LIMIT %(newest)b::bigint
)
SELECT d.delivery_id FROM entries AS e JOIN deliveries AS d ON d.id = e.delivery_pk
WHERE d.status <> 'dead_letter'
UNION ALL
SELECT n.delivery_id FROM newest AS n
WHERE NOT EXISTS (SELECT FROM dead_letters AS l WHERE l.delivery_pk = n.id)
LIMIT %(most)b::bigint
""",
)

MALFORMED = Statement(
    name="diagnosis.malformed",
    purpose="the newest malformed commands of the last hour by code",
    sql="""
WITH newest AS MATERIALIZED (
  SELECT id, stream_entry_id, failure_code, recorded_at
  FROM malformed_commands ORDER BY id DESC LIMIT %(newest)b::bigint
)
SELECT failure_code, count(*) AS count, max(stream_entry_id) AS example
FROM newest WHERE recorded_at > now() - interval '1 hour'
GROUP BY failure_code ORDER BY count DESC
""",
)


def gather_outcomes(_config: Config) -> OutcomeFacts:
    with looking():
        rows = ENDINGS.fetch(newest=NEWEST)
        durations = DURATIONS.fetch()[0]
    unknown = [row for row in rows if row.unknown]
    return OutcomeFacts(
        endings=tuple(
            Ending(row.status, row.failure_code, row.count, row.last_ago) for row in rows
        ),
        durations=(
            {"p50": durations.p50, "p95": durations.p95, "longest": durations.longest}
            if durations.count
            else {}
        ),
        unknown=sum(row.unknown for row in unknown),
        unknown_codes=tuple(sorted({row.failure_code for row in unknown})),
        per_second=sum(row.last_minute for row in rows) / 60,
    )


def gather_ends(_config: Config) -> EndFacts:
    with looking():
        dead_letters = DEAD_LETTERS.fetch(newest=NEWEST)
        suppressed = SUPPRESSED.fetch(newest=NEWEST)
        unmatched = UNMATCHED.fetch(newest=NEWEST, most=_UNMATCHED)
    return EndFacts(
        dead_letters=_reasons(dead_letters),
        resent=sum(row.resent for row in dead_letters),
        suppressed=_reasons([row for row in suppressed if not row.stubbed]),
        stubbed=sum(row.count for row in suppressed if row.stubbed),
        unmatched=tuple(row.delivery_id for row in unmatched),
    )


def gather_malformed(_config: Config) -> MalformedFacts:
    with looking():
        rows = MALFORMED.fetch(newest=NEWEST)
    return MalformedFacts(
        by_code={row.failure_code: row.count for row in rows},
        examples={row.failure_code: row.example for row in rows},
        is_bounded=sum(row.count for row in rows) >= NEWEST,
    )


def _reasons(rows: list[Any]) -> tuple[Reason, ...]:
    """Alike once they are masked; the most frequent first."""
    counts: dict[tuple[str, str | None, str], int] = defaultdict(int)
    last: dict[tuple[str, str | None, str], float] = {}
    for row in rows:
        key = (row.source, row.failure_code, mask(row.summary or ""))
        counts[key] += row.count
        last[key] = min(row.last_ago, last.get(key, row.last_ago))
    ordered = sorted(counts, key=lambda key: -counts[key])
    return tuple(Reason(*key, counts[key], last[key]) for key in ordered)
