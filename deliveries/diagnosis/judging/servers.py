"""Redis, PostgreSQL, this host. Pure."""

from deliveries.conf import Config
from deliveries.diagnosis.facts import HostFacts, PostgresFacts, RedisFacts
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.diagnosis.judging.wording import lasting
from deliveries.printing import counted

_SLOW_MS = 50.0  # a batch makes some round trips, and every one of them takes this long
_CLOCK_SECONDS = 2.0
_LONG_TRANSACTION = 60.0  # dead index entries pile up behind it, and every claim reads them
_FULL = 0.9
_BUSY = 4.0


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


def host_load(_config: Config, facts: HostFacts) -> Verdict:
    seen = f"load {facts.load:.1f} on {counted(facts.cpus, 'CPU')}"
    if facts.load > _BUSY * facts.cpus:
        return warning(seen, "Processes here wait for a CPU: timeouts may be this host's own.")
    return ok(seen)
