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

# Nothing is asked of a part while one that it stands on is away: it would only wait once more.
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
    """`judge` takes the configuration and the facts of each part that it needs, in this order."""

    id: str
    title: str
    needs: tuple[str, ...]
    judge: Callable[..., Verdict]


CHECKS: tuple[Check, ...] = (
    Check("configuration", "Configuration", ("configuration",), under.configuration),
    Check("templates", "Template catalog", ("templates",), under.templates),
    Check("redis.answers", "Redis answers", ("redis",), under.redis_answers),
    Check("redis.role", "Redis is the master", ("redis",), under.redis_role),
    Check("redis.keeps", "Redis keeps what it has", ("redis",), under.redis_keeps),
    Check("postgres.answers", "PostgreSQL answers", ("postgres",), under.postgres_answers),
    Check("postgres.writable", "PostgreSQL takes writes", ("postgres",), under.postgres_writable),
    Check("postgres.clock", "PostgreSQL's clock", ("postgres",), under.postgres_clock),
    Check("postgres.sessions", "Sessions and locks", ("postgres",), under.postgres_sessions),
    Check("schema.exists", "Schema", ("schema",), under.schema),
    Check("schema.migrations", "Migrations", ("schema",), under.migrations),
    Check("schema.due_index", "Index of what is due", ("plan",), under.due_index),
    Check("host.load", "Load of this host", ("host",), under.host_load),
    Check("processes.web", "Process web", ("workers",), running.web),
    Check("processes.consumer", "Process consumer", ("workers",), running.consumer),
    Check("processes.scheduler", "Process scheduler", ("workers",), running.scheduler),
    Check("processes.attempts", "Process attempts", ("workers",), running.attempts),
    Check("processes.prune", "Process prune", ("workers",), running.prune),
    Check("processes.lost", "Lost processes", ("workers",), running.lost),
    Check("processes.heartbeats", "Heartbeats", ("workers",), running.heartbeats),
    Check("http.answers", "Internal HTTP API", ("listener", "workers"), running.listener),
    Check("stream.lag", "Commands not read yet", ("stream",), incoming.lag),
    Check("stream.ahead", "Cursor within the stream", ("stream",), incoming.offset_ahead),
    Check("stream.gap", "Commands lost unread", ("stream",), incoming.gap),
    Check("stream.offset", "Published offset", ("stream",), incoming.published),
    Check("stream.malformed", "Malformed commands", ("malformed",), incoming.malformed),
    Check("schedule.backlog", "Backlog", ("schedule",), waiting.backlog),
    Check("schedule.handed_out", "Handed out and in progress", ("schedule",), waiting.handed_out),
    Check("schedule.holds", "Holds", ("schedule",), waiting.holds),
    Check(
        "schedule.capacity",
        "Sends at once against the backlog",
        ("schedule", "workers", "outcomes"),
        waiting.capacity,
    ),
    Check("schedule.ladder", "Retry ladder", (), waiting.ladder),
    Check("schedule.lease", "Lease and login codes", (), waiting.lease),
    Check(
        "outcomes.reached", "Attempts that did not reach the relay", ("outcomes",), ended.reached
    ),
    Check("outcomes.refused", "Attempts that the relay turned away", ("outcomes",), ended.refused),
    Check("outcomes.timeouts", "Attempts that timed out", ("outcomes",), ended.timeouts),
    Check("outcomes.durations", "Send durations", ("outcomes",), ended.durations),
    Check("outcomes.unknown", "Unknown outcomes", ("outcomes",), ended.unknown),
    Check("outcomes.dead_letters", "Dead letters", ("ends",), ended.dead_letters),
    Check("outcomes.suppressed", "Suppressed", ("ends", "outcomes"), ended.suppressed),
    Check("outcomes.unmatched", "Dead letters and their entries", ("ends",), ended.unmatched),
    Check("retention.lag", "Pruning", ("retention",), ended.retention),
    Check("relay.reached", "The relay answers", ("relay",), outside.relay_reached),
    Check("relay.encrypted", "TLS to the relay", ("relay",), outside.relay_encrypted),
    Check("relay.login", "Login at the relay", ("relay",), outside.relay_login),
    Check("telemetry.exporters", "Telemetry exporters", ("exporters",), outside.exporters),
)
