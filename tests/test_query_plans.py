"""Every worker query on 200,000 rows goes through the index that was made for it."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

import deliveries
from deliveries.intake.reservations import LOOK_UP
from deliveries.transitions.claim import CLAIM, GIVE_BACK, STRAYS
from deliveries.transitions.completion import COMPLETE
from deliveries.transitions.expiry import EXPIRE, EXPIRE_IN_HAND
from deliveries.transitions.handout import BEGINNING, HAND_OUT, LOOK_AHEAD
from deliveries.transitions.recovery import HELD, LOST, REOPEN, WRITTEN
from deliveries.transitions.resend import JUDGE, RESEND, SENT_AGAIN

pytestmark = pytest.mark.slow

LARGE = {"deliveries", "attempts", "delivery_payloads", "idempotency_reservations", "attachments"}

FILL = """
INSERT INTO deliveries (delivery_id, source, payload_mode, status, idempotency_key, fingerprint,
    message_id, requested_at, created_at, next_attempt_at, finished_at, attempt_count, expires_at)
SELECT 'd-' || n, CASE n %% 10 WHEN 0 THEN 'authsession' ELSE 'notification' END, 'rendered',
    CASE WHEN n <= 190000 THEN 'sent' WHEN n <= 198000 THEN 'queued' ELSE 'sending' END,
    'k-' || n, sha256(n::text::bytea), '<m@x>', now(), now(),
    CASE WHEN n > 190000 AND n <= 198000 THEN now() - n * interval '1 ms' END,
    CASE WHEN n <= 190000 THEN now() END, 1,
    CASE WHEN n %% 100 = 0 THEN now() + interval '1 h' END
FROM generate_series(1, %s) AS n;
INSERT INTO attempts (delivery_pk, attempt_no, lane, status, scheduled_for, worker_id, started_at,
    finished_at)
SELECT id, 1, CASE source WHEN 'authsession' THEN 0 ELSE 2 END,
    CASE status WHEN 'sent' THEN 'provider_accepted' WHEN 'queued' THEN 'transport_failed'
                ELSE CASE id %% 2 WHEN 0 THEN 'scheduled' ELSE 'in_progress' END END, now(),
    CASE WHEN status <> 'sending' OR id %% 2 = 1 THEN 1 END,
    CASE WHEN status <> 'sending' OR id %% 2 = 1 THEN now() END,
    CASE WHEN status <> 'sending' THEN now() END
FROM deliveries;
INSERT INTO delivery_payloads (delivery_pk, mailboxes, content_bytes)
SELECT id, jsonb_build_object('to', jsonb_build_array(jsonb_build_object('email',
    'r-' || id %% 20000 || '@example.org', 'name', ''))) || CASE id %% 100 WHEN 0
    THEN '{"cc": [{"email": "c@example.org", "name": ""}]}'::jsonb ELSE '{}' END, 1
FROM deliveries;
INSERT INTO attachments (delivery_pk, position, filename, content_type, content)
SELECT id, 1, 'f', 'text/plain', '' FROM deliveries WHERE id %% 10 = 0;
INSERT INTO idempotency_reservations (source, idempotency_key, delivery_pk, fingerprint, expires_at)
SELECT source, idempotency_key, id, fingerprint, now() + interval '1 h' FROM deliveries;
ANALYZE deliveries; ANALYZE attempts; ANALYZE delivery_payloads; ANALYZE attachments;
ANALYZE idempotency_reservations;
"""

NOW = datetime.now(UTC)
PARAMETER = re.compile(r"%\((\w+)\)b")
_COMPLETION = {"attempt_id": 1, "worker_id": 1, "attempt_status": "timed_out", "accepted": 0}

CASES = [
    (
        LOOK_AHEAD,
        {
            "sources": ["authsession", "operator_resend", "notification"],
            "floors": [BEGINNING] * 3,
        },
        {"deliveries_next_attempt_at"},
    ),
    (
        HAND_OUT,
        {"source": "notification", "lane": 2, "bound": 256, "batch": 100, "floor": BEGINNING},
        {"deliveries_next_attempt_at", "attempts_scheduled"},
    ),
    (
        CLAIM,
        {"worker_id": 1, "limit": 50, "last_lane": 2, "inline_bytes": 65536},
        {"attempts_scheduled"},
    ),
    (GIVE_BACK, {"worker_id": 1, "attempt_ids": [1, 2]}, set()),
    (COMPLETE, {"completions": json.dumps([_COMPLETION] * 100)}, set()),
    (EXPIRE, {"batch": 500}, {"deliveries_expires_at"}),
    (EXPIRE_IN_HAND, {"worker_id": 1, "attempt_ids": [1, 2]}, set()),
    (
        LOOK_UP,
        {
            "source": ["notification"] * 500,
            "idempotency_key": [f"k-{n}" for n in range(500)],
            "delivery_id": [f"d-{n}" for n in range(500)],
        },
        set(),
    ),
    (
        LOST,
        {"silent": [1], "seen": [NOW], "overdue": [1], "batch": 500},
        {"attempts_in_progress"},
    ),
    (HELD, {}, {"attempts_in_progress"}),
    (REOPEN, {"worker_id": 1, "attempt_id": [1, 2], "ends": [True, False]}, set()),
    (WRITTEN, {"worker_id": 1, "attempt_id": [1, 2], "status": ["timed_out"] * 2}, set()),
    (STRAYS, {"worker_id": 1, "known": [1, 2]}, {"attempts_in_progress"}),
    (
        JUDGE,
        {
            "parent_id": ["d-1"],
            "idempotency_key": ["resend:d-1"],
            "expires_at": [None],
            "everyone": [False],
        },
        set(),
    ),
    (
        RESEND,
        {
            "parent_id": ["d-1"],
            "delivery_id": ["d-1-again"],
            "idempotency_key": ["resend:d-1"],
            "fingerprint": [b"f"],
            "message_id": ["<m@x>"],
            "expires_at": [None],
            "everyone": [False],
            "request_id": [None],
            "traceparent": [None],
            "tracestate": [None],
            "idempotency_ttl": timedelta(1),
        },
        set(),
    ),
    (SENT_AGAIN, {"delivery_ids": ["d-1"]}, {"deliveries_parent"}),
]


@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    """Once a module: its tests look at plans, and write nothing."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(FILL, [200_000])
        yield
        call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
        connection.close()


def custom_plan(statement, parameters):
    """What the planner chooses when it knows the parameters."""
    return explain(statement.sql, parameters)


def generic_plan(statement, parameters):
    """What a session chooses that has run the statement often: one plan for all parameters."""
    names: list[str] = []

    def place(match):
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    sql = PARAMETER.sub(place, statement.sql)
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE planned AS {sql}")
    try:
        values = psycopg.sql.SQL(", ").join(psycopg.sql.Literal(parameters[name]) for name in names)
        form = "EXECUTE planned({})" if names else "EXECUTE planned"
        call = psycopg.sql.SQL(form).format(values)
        return explain(call.as_string(connection.connection), None)
    finally:
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute("RESET plan_cache_mode")
            cursor.execute("DEALLOCATE planned")


def explain(sql, parameters):
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        (plan,) = cursor.fetchone()
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize("plan_of", [custom_plan, generic_plan])
def test_every_query_takes_its_index_and_reads_no_large_table_whole(filled, plan_of):
    for statement, parameters, indexes in CASES:
        found = list(nodes(plan_of(statement, parameters)))
        whole = {
            node["Relation Name"]
            for node in found
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
        }
        used = {node.get("Index Name") for node in found}
        assert not whole, f"{statement.name} reads {whole} whole"
        assert indexes <= used, f"{statement.name} uses {used}"


def test_state_is_written_in_one_place():
    writes = re.compile(
        r"(?:INSERT INTO|UPDATE|DELETE FROM) (?:deliveries|attempts|dead_letters)\b"
    )
    package = Path(deliveries.__file__).parent
    writers = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "migrations" not in path.parts and writes.search(path.read_text())
    }
    assert writers == {"transitions"}
