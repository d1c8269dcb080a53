"""Redis, PostgreSQL and this host."""

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import redis
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_redis import get_redis_connection

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.diagnosis.facts import HostFacts, PostgresFacts, RedisFacts, SchemaFacts
from deliveries.diagnosis.gathering.bounds import asking_redis, looking

_ROUNDS = 5

POSTGRES = Statement(
    name="diagnosis.postgres",
    purpose="the server's state, and sessions that hold others up",
    sql="""
SELECT current_setting('server_version') AS version, clock_timestamp() AS clock,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_everyone,
       coalesce(extract(epoch FROM now() - min(xact_start)
         FILTER (WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND backend_type = 'client backend')), 0)::float8 AS oldest_transaction,
       count(*) FILTER (WHERE wait_event_type = 'Lock' AND datname = current_database())
         AS waiting_for_locks,
       count(*) FILTER (WHERE backend_type = 'client backend' OR backend_type IS NULL) AS sessions,
       current_setting('max_connections')::integer AS most_sessions
FROM pg_stat_activity
""",
)

SCHEMA = Statement(
    name="diagnosis.schema",
    purpose="the schema that names are looked up in",
    sql="SELECT current_schema() AS schema",
)


def gather_redis(_config: Config) -> RedisFacts:
    with asking_redis():
        client = get_redis_connection("default")
        client.ping()
        latency = _median_ms(client.ping)
        return _redis(client, latency)


def _redis(client: redis.Redis, latency: float) -> RedisFacts:
    """INFO may be forbidden to the service's user: then its values stay unknown."""
    try:
        info: dict[str, Any] = client.info()
    except redis.exceptions.NoPermissionError:
        return RedisFacts("", latency, "", None, "")
    bounded = bool(info.get("maxmemory"))
    return RedisFacts(
        version=str(info.get("valkey_version") or info.get("redis_version", "")),
        latency_ms=latency,
        role=str(info.get("role", "")),
        is_persistent=bool(info.get("aof_enabled")),
        eviction=str(info.get("maxmemory_policy", "")) if bounded else "",
    )


def gather_postgres(_config: Config) -> PostgresFacts:
    with looking():
        latency = _median_ms(SCHEMA.fetch)
        before = time.time()
        row = POSTGRES.fetch()[0]
        after = time.time()
    return PostgresFacts(
        version=row.version,
        latency_ms=latency,
        is_read_only=row.read_only,
        clock_ahead=row.clock.timestamp() - (before + after) / 2,
        oldest_transaction=row.oldest_transaction,
        waiting_for_locks=row.waiting_for_locks,
        sessions=row.sessions,
        most_sessions=row.most_sessions,
        sees_everyone=row.sees_everyone,
    )


def gather_schema(_config: Config) -> SchemaFacts:
    with looking():
        schema = SCHEMA.fetch()[0].schema
        if schema is None:
            return SchemaFacts(schema=None, pending=(), unknown=())
        executor = MigrationExecutor(connection)
        graph, applied = executor.loader.graph, executor.loader.applied_migrations
        plan = executor.migration_plan(graph.leaf_nodes())
        return SchemaFacts(
            schema=schema,
            pending=tuple(f"{migration.app_label}.{migration.name}" for migration, _ in plan),
            unknown=tuple(
                ".".join(key) for key in applied if key not in graph.nodes and _is_ours(key)
            ),
        )


def _is_ours(key: tuple[str, str]) -> bool:
    return key[0] == "deliveries"


def gather_host(_config: Config) -> HostFacts:
    return HostFacts(load=os.getloadavg()[0], cpus=os.cpu_count() or 1)


def _median_ms(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1000)
    return median(times)
