"""Every check of `doctor`, in the order in which things depend on each other.

A check names the parts of the system whose facts it judges. A part is gathered once, when the first
check needs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deliveries.conf import Config
from deliveries.diagnosis.finding import Verdict
from deliveries.diagnosis.gathering import (
    configuration,
    exporters,
    listener,
    outcomes,
    plans,
    processes,
    relay,
    retention,
    schedule,
    servers,
    stream,
    templates,
)
from deliveries.diagnosis.judging import outcomes as ended
from deliveries.diagnosis.judging import outside, waiting
from deliveries.diagnosis.judging import processes as running
from deliveries.diagnosis.judging import servers as under
from deliveries.diagnosis.judging import stream as incoming

Gather = Callable[[Config], Any]

PARTS: Mapping[str, Gather] = {
    "configuration": configuration.gather_warnings,
    "templates": templates.gather_templates,
    "redis": servers.gather_redis,
    "postgres": servers.gather_postgres,
    "schema": servers.gather_schema,
    "plan": plans.gather_plan,
    "host": servers.gather_host,
    "stream": stream.gather_stream,
    "malformed": outcomes.gather_malformed,
    "workers": processes.gather_workers,
    "listener": listener.gather_listener,
    "schedule": schedule.gather_schedule,
    "outcomes": outcomes.gather_outcomes,
    "ends": outcomes.gather_ends,
    "retention": retention.gather_retention,
    "relay": relay.gather_relay,
    "exporters": exporters.gather_exporters,
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
    Check("configuration", "Configuration", ("configuration",), under.configuration, "Start-up"),
    Check("templates", "Template catalog", ("templates",), under.templates, "Start-up"),
    Check("redis.answers", "Redis answers", ("redis",), under.redis_answers, "Redis is away"),
    Check("redis.role", "Redis is the master", ("redis",), under.redis_role, "Redis is away"),
    Check(
        "redis.keeps", "Redis keeps what it has", ("redis",), under.redis_keeps, "Gap in the stream"
    ),
    Check(
        "postgres.answers",
        "PostgreSQL answers",
        ("postgres",),
        under.postgres_answers,
        "PostgreSQL is slow",
    ),
    Check(
        "postgres.writable",
        "PostgreSQL takes writes",
        ("postgres",),
        under.postgres_writable,
        "PostgreSQL is away",
    ),
    Check("postgres.clock", "PostgreSQL's clock", ("postgres",), under.postgres_clock, "Start-up"),
    Check(
        "postgres.sessions",
        "Sessions and locks",
        ("postgres",),
        under.postgres_sessions,
        "PostgreSQL is slow",
    ),
    Check("schema.exists", "Schema", ("schema",), under.schema, "Start-up"),
    Check("schema.migrations", "Migrations", ("schema",), under.migrations, "Start-up"),
    Check(
        "schema.due_index", "Index of what is due", ("plan",), under.due_index, "PostgreSQL is slow"
    ),
    Check("host.load", "Load of this host", ("host",), under.host_load, "Sends time out"),
    Check("processes.web", "Process web", ("workers",), running.web, "The API does not answer"),
    Check(
        "processes.consumer",
        "Process consumer",
        ("workers",),
        running.consumer,
        "Commands are not read",
    ),
    Check(
        "processes.scheduler", "Process scheduler", ("workers",), running.scheduler, "No scheduler"
    ),
    Check(
        "processes.attempts",
        "Process attempts",
        ("workers",),
        running.attempts,
        "No attempts process",
    ),
    Check("processes.prune", "Process prune", ("workers",), running.prune, "Pruning lags"),
    Check("processes.lost", "Lost processes", ("workers",), running.lost, "Lost processes"),
    Check("processes.heartbeats", "Heartbeats", ("workers",), running.heartbeats, "Lost processes"),
    Check(
        "http.answers",
        "Internal HTTP API",
        ("listener", "workers"),
        running.listener,
        "The API does not answer",
    ),
    Check(
        "stream.lag", "Commands not read yet", ("stream",), incoming.lag, "Commands are not read"
    ),
    Check(
        "stream.ahead",
        "Cursor within the stream",
        ("stream",),
        incoming.offset_ahead,
        "Cursor ahead of the stream",
    ),
    Check("stream.gap", "Commands lost unread", ("stream",), incoming.gap, "Gap in the stream"),
    Check(
        "stream.offset",
        "Published offset",
        ("stream",),
        incoming.published,
        "Cursor ahead of the stream",
    ),
    Check(
        "stream.malformed",
        "Malformed commands",
        ("malformed",),
        incoming.malformed,
        "Malformed commands",
    ),
    Check(
        "relay.reached", "The relay answers", ("relay",), outside.relay_reached, "The relay is away"
    ),
    Check(
        "relay.encrypted",
        "TLS to the relay",
        ("relay",),
        outside.relay_encrypted,
        "No TLS to the relay",
    ),
    Check(
        "relay.login",
        "Login at the relay",
        ("relay",),
        outside.relay_login,
        "The relay refuses the login",
    ),
    Check("schedule.backlog", "Backlog", ("schedule",), waiting.backlog, "Backlog grows"),
    Check(
        "schedule.handed_out",
        "Handed out and in progress",
        ("schedule",),
        waiting.handed_out,
        "Backlog grows",
    ),
    Check("schedule.holds", "Holds", ("schedule",), waiting.holds, "A hold is forgotten"),
    Check(
        "schedule.capacity",
        "Sends at once against the backlog",
        ("schedule", "workers", "outcomes"),
        waiting.capacity,
        "Backlog grows",
    ),
    Check("schedule.ladder", "Retry ladder", (), waiting.ladder, "Dead letters"),
    Check("schedule.lease", "Lease and login codes", (), waiting.lease, "Lost processes"),
    Check(
        "outcomes.reached",
        "Attempts that did not reach the relay",
        ("outcomes",),
        ended.reached,
        "The relay is away",
    ),
    Check(
        "outcomes.refused",
        "Attempts that the relay turned away",
        ("outcomes",),
        ended.refused,
        "The relay refuses the login",
    ),
    Check(
        "outcomes.timeouts",
        "Attempts that timed out",
        ("outcomes",),
        ended.timeouts,
        "Sends time out",
    ),
    Check("outcomes.durations", "Send durations", ("outcomes",), ended.durations, "Sends time out"),
    Check("outcomes.unknown", "Unknown outcomes", ("outcomes",), ended.unknown, "Unknown outcomes"),
    Check("outcomes.dead_letters", "Dead letters", ("ends",), ended.dead_letters, "Dead letters"),
    Check(
        "outcomes.suppressed",
        "Suppressed",
        ("ends", "outcomes"),
        ended.suppressed,
        "Mail is suppressed",
    ),
    Check(
        "outcomes.unmatched",
        "Dead letters and their entries",
        ("ends",),
        ended.unmatched,
        "Dead letters",
    ),
    Check("retention.lag", "Pruning", ("retention",), ended.retention, "Pruning lags"),
    Check(
        "telemetry.exporters",
        "Telemetry exporters",
        ("exporters",),
        outside.exporters,
        "Telemetry is not exported",
    ),
)
