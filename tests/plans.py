"""How PostgreSQL goes about a statement, on tables that are filled so that it matters."""

import json
import re

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

LARGE = frozenset(
    {"deliveries", "attempts", "delivery_payloads", "idempotency_reservations", "attachments"}
)
_PARAMETER = re.compile(r"%\((\w+)\)b")

_FILL = """
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


@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    """Once a module: its tests look at plans, and write nothing."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(_FILL, [200_000])
        yield
        call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
        connection.close()


def check_plan(statement, plan, *, indexes=frozenset(), large=LARGE):
    """It reads none of the `large` tables whole, and takes these indexes at least."""
    found = list(_nodes(plan))
    whole = {node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"} & large
    used = {node.get("Index Name") for node in found}
    assert not whole, f"{statement.name} reads {whole} whole"
    assert indexes <= used, f"{statement.name} uses {used}"


def custom_plan(statement, parameters):
    """What the planner chooses when it knows the parameters."""
    return _explain(statement.sql, parameters)


def generic_plan(statement, parameters):
    """What a session chooses that has run the statement often: one plan for all parameters."""
    names: list[str] = []

    def place(match):
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    sql = _PARAMETER.sub(place, statement.sql)
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE planned AS {sql}")
    try:
        values = psycopg.sql.SQL(", ").join(psycopg.sql.Literal(parameters[name]) for name in names)
        form = "EXECUTE planned({})" if names else "EXECUTE planned"
        call = psycopg.sql.SQL(form).format(values)
        return _explain(call.as_string(connection.connection), None)
    finally:
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute("RESET plan_cache_mode")
            cursor.execute("DEALLOCATE planned")


def _explain(sql, parameters):
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        (plan,) = cursor.fetchone()
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def _nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
