"""What waits, what is held back, and whether the configured waits make sense. Pure."""

from datetime import timedelta

from deliveries.conf import Config
from deliveries.diagnosis.facts import LaneFacts, OutcomeFacts, ScheduleFacts, WorkerFacts
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.diagnosis.judging.wording import lasting
from deliveries.printing import counted
from deliveries.states import ProcessType, Source

# A login code is worth something for minutes, other mail for hours.
_LATE = {Source.AUTHSESSION: (5.0, 30.0)}
_LATE_OTHERS = (30.0, 300.0)
_FORGOTTEN = 3_600.0
_LONG_DRAIN = 600.0
_COUNTED = 60.0  # the span of `OutcomeFacts.per_second`
_ONE_AN_HOUR = 1 / 3600
_GRACE = 10.0
_SHORT_LADDER = timedelta(minutes=10)
_LONG_LEASE = timedelta(minutes=2)


def backlog(_config: Config, facts: ScheduleFacts) -> Verdict:
    """Of sources that are held: see `holds`. They wait because somebody said so."""
    held = {hold.source for hold in facts.holds}
    lanes = [lane for lane in facts.lanes if lane.source not in held]
    waiting = [lane for lane in lanes if lane.waiting.count]
    figures = {f"overdue_{lane.source}": lane.overdue for lane in waiting}
    if not waiting:
        return ok("nothing that is due waits")
    seen = "; ".join(
        f"{lane.source} {lane.waiting}, overdue by up to {lasting(lane.overdue)}"
        for lane in waiting
    )
    advice = (
        "Is a scheduler alive, are attempts processes alive, and is the relay fast enough? See"
        " processes, relay and schedule.capacity."
    )
    worst = max(map(_lateness, waiting))
    if worst >= 2:
        return failed(seen, advice, **figures)
    return warning(seen, advice, **figures) if worst else ok(seen, **figures)


def _lateness(lane: LaneFacts) -> int:
    late, very_late = _LATE.get(Source(lane.source), _LATE_OTHERS)
    return (lane.overdue > late) + (lane.overdue > very_late)


def handed_out(config: Config, facts: ScheduleFacts) -> Verdict:
    """Nothing is with a worker for longer than a budget; what waits for one is long overdue."""
    longest = config.smtp_timeout + config.smtp_final_reply_timeout + config.worker_lease
    seen = (
        f"{facts.handed_out} wait for a worker, overdue by up to"
        f" {lasting(facts.handed_out_overdue)}; {facts.in_progress} are with one, the longest for"
        f" {lasting(facts.longest_in_progress)}"
    )
    if facts.longest_in_progress > longest.total_seconds() + _GRACE:
        return failed(
            seen,
            f"Nothing takes longer than {lasting(longest.total_seconds())}: a scheduler should have"
            " recovered it. Is one alive?",
        ).under("No scheduler")
    late, _ = _LATE_OTHERS
    if facts.handed_out_overdue > late:
        return warning(seen, "Workers are slower than mail comes: see schedule.capacity and relay.")
    return ok(seen)


def holds(_config: Config, facts: ScheduleFacts) -> Verdict:
    if not facts.holds:
        return ok("nothing is held back")
    seen = "; ".join(
        f"{hold.source} for {lasting(hold.age)} ({hold.reason}), {hold.behind} wait behind it"
        for hold in facts.holds
    )
    release = ", ".join(f"manage.py release --source {hold.source}" for hold in facts.holds)
    forgotten = any(hold.age > _FORGOTTEN for hold in facts.holds)
    why = "Is it forgotten? When the reason has gone" if forgotten else "When the reason has gone"
    return warning(seen, f"{why}: {release}.", held=len(facts.holds))


def capacity(
    config: Config, schedule: ScheduleFacts, workers: WorkerFacts, outcomes: OutcomeFacts
) -> Verdict:
    """How long the backlog takes, at the rate that this many sends of this length allow.

    Where mail has waited for longer than the minute that is counted, what was sent in that minute
    counts, if it is less: a relay that has just become slow shows there first. After a hold or an
    outage that has just ended this is too little, for a minute.
    """
    sends = workers.by_type[ProcessType.ATTEMPTS].capacity
    held = {hold.source for hold in schedule.holds}
    lanes = [lane for lane in schedule.lanes if lane.source not in held]
    waiting = sum(lane.waiting.count for lane in lanes)
    p50 = outcomes.durations.get("p50")
    if not sends or not p50:
        return ok(f"{counted(sends, 'send')} at once, too little was sent lately to tell a rate")
    possible = rate = sends / p50
    if any(lane.overdue > _COUNTED for lane in lanes):
        rate = min(possible, max(outcomes.per_second, _ONE_AN_HOUR))
    drain = waiting / rate
    seen = (
        f"{counted(sends, 'send')} at once of {lasting(p50)} each make at most {possible:,.1f}/s,"
        f" and {outcomes.per_second:,.1f}/s in the last minute; what is due takes {lasting(drain)}"
    )
    if drain > _LONG_DRAIN:
        return warning(
            seen,
            "Have they become slower? See relay and outcomes.durations. Else raise"
            f" MAIL_ATTEMPT_WORKER_CONCURRENCY ({config.attempt_worker_concurrency}) or run more"
            " attempts processes, if the relay takes so many connections.",
            drain_seconds=drain,
        )
    return ok(seen, drain_seconds=drain)


def ladder(config: Config) -> Verdict:
    rungs = config.retry_ladder
    total = sum(rungs, timedelta())
    waits = ", ".join(lasting(rung.total_seconds()) for rung in rungs)
    seen = f"{counted(len(rungs) + 1, 'attempt')}: waits of {waits}"
    if list(rungs) != sorted(rungs):
        return warning(
            seen,
            "Sort MAIL_RETRY_LADDER from short to long, so that a struggling relay gets more rest"
            " each time.",
        )
    if total < _SHORT_LADDER:
        return warning(
            seen,
            f"A relay that is away for {lasting(total.total_seconds())} makes dead letters:"
            " lengthen MAIL_RETRY_LADDER.",
        )
    return ok(seen)


def lease(config: Config) -> Verdict:
    span = config.worker_lease
    seen = (
        f"a lost worker is found within {lasting(span.total_seconds() + 5)}, login codes live"
        f" {lasting(config.login_code_ttl.total_seconds())}"
    )
    if span > _LONG_LEASE:
        return warning(
            seen, "Shorten MAIL_WORKER_LEASE: mail that a lost worker held waits that long."
        )
    if config.login_code_ttl <= config.retry_ladder[0]:
        return warning(
            seen,
            "Make MAIL_LOGIN_CODE_TTL longer than the first wait of MAIL_RETRY_LADDER: now a login"
            " code has one attempt.",
        )
    return ok(seen)
