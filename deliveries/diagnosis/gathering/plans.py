"""How PostgreSQL would run the hand-out, the statement that everything waits for."""

import json
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connection

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.diagnosis.facts import PlanFacts
from deliveries.diagnosis.gathering.bounds import looking
from deliveries.states import Source
from deliveries.transitions.handout import BEGINNING, HAND_OUT, LANES, look_ahead

_INDEX = "deliveries_next_attempt_at"

INDEX = Statement(
    name="diagnosis.index",
    purpose="whether the scheduler's index is there and whole, and how large its table is",
    sql="""
SELECT (SELECT indisvalid AND indisready FROM pg_index
        WHERE indexrelid = to_regclass(%(index)b::text)) AS is_valid,
       coalesce((SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('deliveries')), 0)
         AS estimated_rows
""",
)


def gather_plan(_config: Config) -> PlanFacts:
    parameters = {
        "source": Source.NOTIFICATION,
        "lane": LANES[Source.NOTIFICATION],
        "bound": 256,
        "batch": 500,
        "floor": BEGINNING,
    }
    with looking(), connection.wrap_database_errors:
        row = INDEX.fetch(index=_INDEX)[0]
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {HAND_OUT.sql}", parameters)
            found = cursor.fetchone()
        began = time.perf_counter()
        look_ahead()
        look_ahead_ms = (time.perf_counter() - began) * 1000
    plan = found[0] if found else []
    nodes = list(_nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
    return PlanFacts(
        index=_INDEX,
        is_valid=row.is_valid,
        used=frozenset(node["Index Name"] for node in nodes if "Index Name" in node),
        read_whole=frozenset(
            node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"
        ),
        estimated_rows=max(0, row.estimated_rows),
        look_ahead_ms=look_ahead_ms,
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
