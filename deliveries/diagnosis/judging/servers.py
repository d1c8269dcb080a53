"""Configuration, templates, Redis, PostgreSQL, this host. Pure."""

from collections.abc import Sequence

from deliveries.conf import Config, SmtpMode
from deliveries.diagnosis.facts import (
    HostFacts,
    PlanFacts,
    PostgresFacts,
    RedisFacts,
    SchemaFacts,
    TemplateFacts,
)
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.diagnosis.judging.wording import counted, first_of, lasting

_SLOW_MS = 50.0  # a batch makes some round trips, and every one of them takes this long
_CLOCK_SECONDS = 2.0
_LONG_TRANSACTION = 60.0  # dead index entries pile up behind it, and every claim reads them
_FULL = 0.9
_SLOW_LOOK_MS = 200.0  # a healthy index takes some milliseconds, however long
_SMALL_TABLE = 10_000  # below it PostgreSQL may rightly read the table instead of the index
_BUSY = 4.0


def configuration(config: Config, warnings: Sequence[str]) -> Verdict:
    where = (
        f"mail goes to {config.smtp_addr}"
        if config.smtp_mode is SmtpMode.SMTP
        else "stub: nothing is sent"
    )
    seen = f"valid; {where}"
    if warnings:
        return warning(f"{seen}; {' '.join(warnings)}", "See docs/configuration.md for each id.")
    return ok(seen)


def templates(config: Config, facts: TemplateFacts) -> Verdict:
    if facts.problems:
        return failed(
            f"{counted(len(facts.problems), 'problem')}: {facts.problems[0]}",
            "No process can start. Fix the files: manage.py check_templates shows all problems.",
        )
    return ok(
        f"{counted(facts.count, 'template')} in {config.template_dir}, digest {facts.digest[:12]}"
    )


def redis_answers(config: Config, facts: RedisFacts) -> Verdict:
    name = f"version {facts.version}" if facts.version else "its version is not shown to this user"
    seen = f"PING in {lasting(facts.latency_ms / 1000)} at {config.redis_master_addr}, {name}"
    if facts.latency_ms > _SLOW_MS:
        return warning(seen, "Redis, or the way to it, is slow: see its SLOWLOG and the network.")
    return ok(seen, latency_ms=facts.latency_ms)


def redis_role(config: Config, facts: RedisFacts) -> Verdict:
    if not facts.role:
        return ok("not shown to this user")
    if facts.role != "master":
        return failed(
            f"{config.redis_master_addr} is a {facts.role}",
            "Point MAIL_REDIS_MASTER_ADDR at the master: a replica takes no offset.",
        )
    return ok("master")


def redis_keeps(_config: Config, facts: RedisFacts) -> Verdict:
    if facts.is_persistent is None:
        return ok("not shown to this user")
    if facts.eviction and facts.eviction != "noeviction":
        return warning(
            f"memory is bounded and {facts.eviction} evicts keys",
            "Set maxmemory-policy noeviction: an evicted stream loses every command on it.",
        )
    if not facts.is_persistent:
        return warning(
            "no append-only file",
            "Set appendonly yes: commands that nobody has read do not survive a restart.",
        )
    return ok("append-only file, nothing is evicted")


def postgres_answers(config: Config, facts: PostgresFacts) -> Verdict:
    given = config.postgres_primary
    port = f":{given['port']}" if "port" in given else ""
    where = f"{given.get('host', 'the local socket')}{port}, database {given.get('dbname')}"
    latency = lasting(facts.latency_ms / 1000)
    seen = f"a round trip in {latency} at {where}, version {facts.version}"
    if facts.latency_ms > _SLOW_MS:
        return warning(seen, "PostgreSQL, or the way to it, is slow: every batch waits for it.")
    return ok(seen, latency_ms=facts.latency_ms)


def postgres_writable(_config: Config, facts: PostgresFacts) -> Verdict:
    if facts.is_read_only:
        return failed(
            "it takes no writes",
            "Point MAIL_POSTGRES_PRIMARY_DSN at the primary, or end its read-only mode.",
        )
    return ok("it takes writes")


def postgres_clock(_config: Config, facts: PostgresFacts) -> Verdict:
    ahead = facts.clock_ahead
    seen = f"{lasting(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this host's"
    if abs(ahead) > _CLOCK_SECONDS:
        return warning(seen, "Synchronize both clocks: mail carries this host's time.")
    return ok(seen, clock_ahead_seconds=ahead)


def postgres_sessions(_config: Config, facts: PostgresFacts) -> Verdict:
    seen = (
        f"{facts.sessions} of {facts.most_sessions} sessions, oldest transaction"
        f" {lasting(facts.oldest_transaction)}, {facts.waiting_for_locks} wait for locks"
    )
    if not facts.sees_everyone:
        seen += " (of other roles this one sees little)"
    if facts.oldest_transaction > _LONG_TRANSACTION:
        return warning(
            seen,
            "A transaction that stays open slows every claim down: find it in pg_stat_activity by"
            " xact_start, and end it with pg_terminate_backend.",
        )
    if facts.sessions > facts.most_sessions * _FULL:
        return warning(seen, "Raise max_connections, or run fewer processes or senders.")
    if facts.waiting_for_locks:
        return warning(seen, "Ask pg_blocking_pids(pid) who holds up those that wait.")
    return ok(seen)


def schema(_config: Config, facts: SchemaFacts) -> Verdict:
    if facts.schema != "mail":
        return failed(
            'no schema "mail" that this role may use',
            "An owner creates it: CREATE SCHEMA mail AUTHORIZATION mailservice.",
        )
    return ok('schema "mail" is in use')


def migrations(_config: Config, facts: SchemaFacts) -> Verdict:
    if facts.schema is None:
        return failed("no schema to look at", "Create schema mail first.")
    if facts.pending:
        return failed(
            f"pending: {first_of(facts.pending)}",
            "Start any process of this release: it applies them. If its role may not, give the"
            " owner's in MAIL_POSTGRES_MIGRATION_DSN.",
        )
    if facts.unknown:
        return warning(
            f"applied by a newer release: {first_of(facts.unknown)}",
            "Run this command from the release that the processes run.",
        )
    return ok("all applied")


def due_index(_config: Config, facts: PlanFacts) -> Verdict:
    if facts.is_valid is None:
        return failed(
            f"the index {facts.index} is missing",
            "Every hand-out reads the whole table. Create it as deliveries/migrations says.",
        )
    if not facts.is_valid:
        return failed(f"the index {facts.index} is not valid", f"REINDEX INDEX mail.{facts.index};")
    took = f"what is due is found in {lasting(facts.look_ahead_ms / 1000)}"
    if facts.look_ahead_ms > _SLOW_LOOK_MS:
        return warning(
            f"{facts.index} is valid; {took}",
            "Dead entries pile up in it: end what keeps a transaction open (postgres.sessions),"
            " then VACUUM mail.deliveries.",
        )
    if facts.index in facts.used:
        return ok(f"{facts.index} serves the hand-out; {took}")
    if facts.estimated_rows < _SMALL_TABLE:
        return ok(f"{facts.index} is valid; {facts.estimated_rows:,} rows need no index")
    return failed(
        f"the hand-out does not use {facts.index}, over {facts.estimated_rows:,} rows",
        "ANALYZE mail.deliveries; then look again.",
    )


def host_load(_config: Config, facts: HostFacts) -> Verdict:
    seen = f"load {facts.load:.1f} on {counted(facts.cpus, 'CPU')}"
    if facts.load > _BUSY * facts.cpus:
        return warning(seen, "Processes here wait for a CPU: timeouts may be this host's own.")
    return ok(seen)
