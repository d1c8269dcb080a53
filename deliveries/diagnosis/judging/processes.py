"""The service's own processes, and the API that one of them serves. Pure."""

from deliveries.conf import Config
from deliveries.diagnosis.facts import ListenerFacts, ProcessFacts, WorkerFacts
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.diagnosis.judging.wording import first_of, lasting
from deliveries.intake.gaps import leadership_of
from deliveries.printing import counted
from deliveries.states import ProcessType

_START = {
    ProcessType.WEB: "manage.py serve",
    ProcessType.CONSUMER: "manage.py consume_commands",
    ProcessType.SCHEDULER: "manage.py run_scheduler",
    ProcessType.ATTEMPTS: "manage.py run_attempts",
    ProcessType.PRUNE: "manage.py prune",
}
_SMOKE = (404, "delivery_not_found")
_SLOW_MS = 1_000.0


def web(_config: Config, facts: WorkerFacts) -> Verdict:
    return _alive(ProcessType.WEB, facts.by_type[ProcessType.WEB])


def consumer(config: Config, facts: WorkerFacts) -> Verdict:
    alive = _alive(ProcessType.CONSUMER, facts.by_type[ProcessType.CONSUMER])
    leads = facts.leads.get(leadership_of(config.redis_command_stream), False)
    if facts.by_type[ProcessType.CONSUMER].alive and not leads:
        return failed(
            f"{alive.seen}, none of them leads",
            "The log of a consumer says what it waits for: loop waits after a fault.",
        )
    return alive


def scheduler(_config: Config, facts: WorkerFacts) -> Verdict:
    return _alive(ProcessType.SCHEDULER, facts.by_type[ProcessType.SCHEDULER])


def attempts(_config: Config, facts: WorkerFacts) -> Verdict:
    found = facts.by_type[ProcessType.ATTEMPTS]
    alive = _alive(ProcessType.ATTEMPTS, found)
    if not found.alive:
        return alive
    return ok(f"{alive.seen}, {counted(found.capacity, 'send')} at once", capacity=found.capacity)


def prune(_config: Config, facts: WorkerFacts) -> Verdict:
    found = facts.by_type[ProcessType.PRUNE]
    if found.alive:
        return _alive(ProcessType.PRUNE, found)
    return warning(
        "none is alive",
        f"Start one: {_START[ProcessType.PRUNE]}. Where cron runs manage.py prune --once, see"
        " retention.lag instead.",
        alive=0,
    )


def _alive(kind: ProcessType, found: ProcessFacts) -> Verdict:
    if not found.alive:
        return failed(
            "none is alive",
            f"Start one: {_START[kind]}. If its supervisor did, its last lines say why it ended.",
            alive=0,
        )
    return ok(f"{found.alive} alive: {first_of(found.living)}", alive=found.alive)


def lost(_config: Config, facts: WorkerFacts) -> Verdict:
    found = {kind: one for kind, one in facts.by_type.items() if one.lost}
    if not found:
        return ok("no process in the last hour", lost=0)
    shown = [f"{one.lost} of {kind} ({first_of(one.gone)})" for kind, one in found.items()]
    return warning(
        f"stopped without ending their lease in the last hour: {'; '.join(shown)}",
        "Killed, out of memory, cut off or frozen: the host's log says which. What they held is"
        " recovered by the scheduler.",
        lost=sum(one.lost for one in found.values()),
    )


def heartbeats(config: Config, facts: WorkerFacts) -> Verdict:
    """Renewed at a third of the lease: at two thirds one renewal was missed."""
    slowest = max((one.slowest_heartbeat for one in facts.by_type.values()), default=0.0)
    lease = config.worker_lease.total_seconds()
    seen = (
        f"every process alive was last seen at most {lasting(slowest)} ago;"
        f" a lease is {lasting(lease)}"
    )
    if slowest > lease * 2 / 3:
        return warning(
            seen, "A process is held up: is its host starved, or its way to PostgreSQL slow?"
        )
    return ok(seen)


def listener(_config: Config, facts: ListenerFacts, workers: WorkerFacts) -> Verdict:
    elsewhere = [host for host in workers.by_type[ProcessType.WEB].hosts if host != facts.host]
    is_here = facts.host in workers.by_type[ProcessType.WEB].hosts
    if facts.status is None and elsewhere and not is_here:
        return warning(
            f"nothing answers at {facts.address} from here; it is alive on {first_of(elsewhere)}",
            "Run this command there too, or set MAIL_INTERNAL_HTTP_ADDR to where it listens.",
        )
    if facts.status is None:
        return failed(
            f"nothing answers at {facts.address}: {facts.problem}",
            "Start the listener, manage.py serve, or run this where MAIL_INTERNAL_HTTP_ADDR leads"
            " to it.",
        )
    seen = f"{facts.status} {facts.code} in {facts.latency_ms:.0f} ms from {facts.address}"
    if facts.status == 401:
        return warning(
            seen,
            "It runs. To test the whole path, put a token of scope operate into"
            " MAIL_INTERNAL_API_TOKENS for this command.",
        )
    if facts.status == 503:
        told = failed(seen, "The API runs, and PostgreSQL does not serve it.")
        return told.under("PostgreSQL is away")
    if (facts.status, facts.code) != _SMOKE:
        return failed(
            seen,
            "Expected 404 delivery_not_found: does MAIL_INTERNAL_HTTP_ADDR lead to this service?",
        )
    if facts.latency_ms > _SLOW_MS:
        return warning(seen, "The API is slow: see postgres.answers and host.load.")
    return ok(seen)
