"""Every check of `doctor`, in the order in which things depend on each other.

A check names the parts of the system whose facts it judges. A part is gathered once, when the first
check needs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deliveries.conf import Config
from deliveries.diagnosis.finding import Verdict
from deliveries.diagnosis.gathering.configuration import gather_warnings
from deliveries.diagnosis.gathering.exporters import gather_exporters
from deliveries.diagnosis.gathering.listener import gather_listener
from deliveries.diagnosis.gathering.outcomes import gather_ends, gather_malformed, gather_outcomes
from deliveries.diagnosis.gathering.plans import gather_plan
from deliveries.diagnosis.gathering.processes import gather_workers
from deliveries.diagnosis.gathering.relay import gather_relay
from deliveries.diagnosis.gathering.retention import gather_retention
from deliveries.diagnosis.gathering.schedule import gather_schedule
from deliveries.diagnosis.gathering.servers import (
    gather_host,
    gather_postgres,
    gather_redis,
    gather_schema,
)
from deliveries.diagnosis.gathering.stream import gather_stream
from deliveries.diagnosis.gathering.templates import gather_templates
from deliveries.diagnosis.judging import (
    configuration,
    exporters,
    outcomes,
    processes,
    relay,
    retention,
    schedule,
    schema,
    servers,
    stream,
)

Gather = Callable[[Config], Any]

PARTS: Mapping[str, Gather] = {
    "configuration": gather_warnings,
    "templates": gather_templates,
    "redis": gather_redis,
    "postgres": gather_postgres,
    "schema": gather_schema,
    "plan": gather_plan,
    "host": gather_host,
    "stream": gather_stream,
    "malformed": gather_malformed,
    "workers": gather_workers,
    "listener": gather_listener,
    "schedule": gather_schedule,
    "outcomes": gather_outcomes,
    "ends": gather_ends,
    "retention": gather_retention,
    "relay": gather_relay,
    "exporters": gather_exporters,
}

# Nothing is asked of a part while one that it depends on is away: it would only wait once more.
STANDS_ON: Mapping[str, tuple[str, ...]] = {
    "schema": ("postgres",),
    "plan": ("postgres", "schema"),
    "stream": ("redis", "postgres", "schema"),
    "malformed": ("postgres", "schema"),
    "workers": ("postgres", "schema"),
    "schedule": ("postgres", "schema"),
    "outcomes": ("postgres", "schema"),
    "ends": ("postgres", "schema"),
    "retention": ("postgres", "schema"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """`judge` takes the configuration and the facts of each part that it needs, in this order.

    `runbook` is the heading of docs/runbook.md to open when it is not ok.
    """

    id: str
    title: str
    needs: tuple[str, ...]
    judge: Callable[..., Verdict]
    runbook: str


CHECKS: tuple[Check, ...] = (
    Check(
        "configuration",
        "Configuration",
        ("configuration",),
        configuration.warnings,
        "Start-up",
    ),
    Check("templates", "Template catalog", ("templates",), configuration.templates, "Start-up"),
    Check("redis.answers", "Redis answers", ("redis",), servers.redis_answers, "Redis is away"),
    Check("redis.role", "Redis is the master", ("redis",), servers.redis_role, "Redis is away"),
    Check(
        "redis.keeps",
        "Redis keeps what it has",
        ("redis",),
        servers.redis_keeps,
        "Gap in the stream",
    ),
    Check(
        "postgres.answers",
        "PostgreSQL answers",
        ("postgres",),
        servers.postgres_answers,
        "PostgreSQL is slow",
    ),
    Check(
        "postgres.writable",
        "PostgreSQL takes writes",
        ("postgres",),
        servers.postgres_writable,
        "PostgreSQL is away",
    ),
    Check(
        "postgres.clock", "PostgreSQL's clock", ("postgres",), servers.postgres_clock, "Start-up"
    ),
    Check(
        "postgres.sessions",
        "Sessions and locks",
        ("postgres",),
        servers.postgres_sessions,
        "PostgreSQL is slow",
    ),
    Check("schema.exists", "Schema", ("schema",), schema.exists, "Start-up"),
    Check("schema.migrations", "Migrations", ("schema",), schema.migrations, "Start-up"),
    Check(
        "schema.due_index",
        "Index of what is due",
        ("plan",),
        schema.due_index,
        "PostgreSQL is slow",
    ),
    Check("host.load", "Load of this host", ("host",), servers.host_load, "Sends time out"),
    Check("processes.web", "Process web", ("workers",), processes.web, "The API does not answer"),
    Check(
        "processes.consumer",
        "Process consumer",
        ("workers",),
        processes.consumer,
        "Commands are not read",
    ),
    Check(
        "processes.scheduler",
        "Process scheduler",
        ("workers",),
        processes.scheduler,
        "No scheduler",
    ),
    Check(
        "processes.attempts",
        "Process attempts",
        ("workers",),
        processes.attempts,
        "No attempts process",
    ),
    Check("processes.prune", "Process prune", ("workers",), processes.prune, "Pruning lags"),
    Check("processes.lost", "Lost processes", ("workers",), processes.lost, "Lost processes"),
    Check(
        "processes.heartbeats", "Heartbeats", ("workers",), processes.heartbeats, "Lost processes"
    ),
    Check(
        "http.answers",
        "Internal HTTP API",
        ("listener", "workers"),
        processes.listener,
        "The API does not answer",
    ),
    Check("stream.lag", "Commands not read yet", ("stream",), stream.lag, "Commands are not read"),
    Check(
        "stream.ahead",
        "Cursor within the stream",
        ("stream",),
        stream.offset_ahead,
        "Cursor ahead of the stream",
    ),
    Check("stream.gap", "Commands lost unread", ("stream",), stream.gap, "Gap in the stream"),
    Check(
        "stream.offset",
        "Published offset",
        ("stream",),
        stream.published,
        "Cursor ahead of the stream",
    ),
    Check(
        "stream.malformed",
        "Malformed commands",
        ("malformed",),
        stream.malformed,
        "Malformed commands",
    ),
    Check(
        "relay.reached", "The relay answers", ("relay",), relay.relay_reached, "The relay is away"
    ),
    Check(
        "relay.encrypted",
        "TLS to the relay",
        ("relay",),
        relay.relay_encrypted,
        "No TLS to the relay",
    ),
    Check(
        "relay.login",
        "Login at the relay",
        ("relay",),
        relay.relay_login,
        "The relay refuses the login",
    ),
    Check("schedule.backlog", "Backlog", ("schedule",), schedule.backlog, "Backlog grows"),
    Check(
        "schedule.handed_out",
        "Handed out and in progress",
        ("schedule",),
        schedule.handed_out,
        "Backlog grows",
    ),
    Check("schedule.holds", "Holds", ("schedule",), schedule.holds, "A hold is forgotten"),
    Check(
        "schedule.capacity",
        "Sends at once against the backlog",
        ("schedule", "workers", "outcomes"),
        schedule.capacity,
        "Backlog grows",
    ),
    Check("schedule.ladder", "Retry ladder", (), schedule.ladder, "Dead letters"),
    Check("schedule.lease", "Lease and login codes", (), schedule.lease, "Lost processes"),
    Check(
        "outcomes.reached",
        "Attempts that did not reach the relay",
        ("outcomes",),
        outcomes.reached,
        "The relay is away",
    ),
    Check(
        "outcomes.refused",
        "Attempts that the relay turned away",
        ("outcomes",),
        outcomes.refused,
        "The relay refuses the login",
    ),
    Check(
        "outcomes.timeouts",
        "Attempts that timed out",
        ("outcomes",),
        outcomes.timeouts,
        "Sends time out",
    ),
    Check(
        "outcomes.durations", "Send durations", ("outcomes",), outcomes.durations, "Sends time out"
    ),
    Check(
        "outcomes.unknown", "Unknown outcomes", ("outcomes",), outcomes.unknown, "Unknown outcomes"
    ),
    Check(
        "outcomes.dead_letters", "Dead letters", ("ends",), outcomes.dead_letters, "Dead letters"
    ),
    Check(
        "outcomes.suppressed",
        "Suppressed",
        ("ends", "outcomes"),
        outcomes.suppressed,
        "Mail is suppressed",
    ),
    Check(
        "outcomes.unmatched",
        "Dead letters and their entries",
        ("ends",),
        outcomes.unmatched,
        "Dead letters",
    ),
    Check("retention.lag", "Pruning", ("retention",), retention.lag, "Pruning lags"),
    Check(
        "telemetry.exporters",
        "Telemetry exporters",
        ("exporters",),
        exporters.reached,
        "Telemetry is not exported",
    ),
)
