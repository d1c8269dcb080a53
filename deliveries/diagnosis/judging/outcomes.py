"""How mail has ended lately. Pure.

A relay's fault counts as present until an attempt is accepted after it. What is over is still
shown, but is no longer a failure.
"""

from collections.abc import Collection, Sequence
from operator import attrgetter

from deliveries.conf import Config, SmtpMode, UnknownOutcome
from deliveries.diagnosis.facts import EndFacts, Ending, OutcomeFacts, Reason
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.diagnosis.judging.wording import first_of, lasting
from deliveries.printing import counted
from deliveries.states import AttemptStatus, FailureCode

_UNREACHED = frozenset(
    {
        FailureCode.DNS_FAILED,
        FailureCode.CONNECT_FAILED,
        FailureCode.GREETING_REFUSED,
        FailureCode.EHLO_REFUSED,
        FailureCode.STARTTLS_UNAVAILABLE,
        FailureCode.TLS_FAILED,
        FailureCode.CONNECTION_LOST,
        FailureCode.PROTOCOL_ERROR,
    }
)
_UNENCRYPTED = frozenset({FailureCode.STARTTLS_UNAVAILABLE, FailureCode.TLS_FAILED})
_REFUSED_US = frozenset({FailureCode.AUTH_FAILED, FailureCode.SENDER_REFUSED})
_MUCH = 0.1  # of the attempts
_SPIKE = 10
_NOTABLE = 0.05
_SHOWN = 5


def reached(_config: Config, facts: OutcomeFacts) -> Verdict:
    told = _of_kind(
        facts,
        _UNREACHED,
        "manage.py smtp_check shows where the dialogue with the relay ends now.",
    )
    found = [ending for ending in facts.endings if ending.failure_code in _UNREACHED]
    newest = min(found, key=attrgetter("last_ago"), default=None)
    is_tls = newest is not None and newest.failure_code in _UNENCRYPTED
    return told.under("No TLS to the relay") if is_tls else told


def refused(_config: Config, facts: OutcomeFacts) -> Verdict:
    return _of_kind(
        facts,
        _REFUSED_US,
        "Check MAIL_SMTP_USERNAME, MAIL_SMTP_PASSWORD and MAIL_SMTP_FROM_EMAIL with the relay's"
        " operator, then restart the attempts processes: manage.py smtp_check --sender tries them.",
    )


def timeouts(_config: Config, facts: OutcomeFacts) -> Verdict:
    return _of_kind(
        facts,
        {FailureCode.TIMEOUT},
        "manage.py smtp_check shows whether the relay stalls before MAIL; after it, its own queue"
        " or content filter does.",
    )


def _of_kind(facts: OutcomeFacts, codes: Collection[str], advice: str) -> Verdict:
    found = [ending for ending in facts.endings if ending.failure_code in codes]
    count, total = sum(e.count for e in found), sum(e.count for e in facts.endings)
    if not count:
        return ok(f"none of {counted(total, 'attempt')} in the last hour", count=0)
    names = ", ".join(f"{ending.failure_code} {ending.count:,}" for ending in found)
    newest = min(ending.last_ago for ending in found)
    seen = (
        f"{names} of {counted(total, 'attempt')} in the last hour, the last {lasting(newest)} ago"
    )
    if newest <= _last_acceptance(facts.endings):
        over = "This check is ok again with the first mail accepted after the fault."
        return failed(f"{seen}, nothing accepted since", f"{advice} {over}", count=count)
    if count >= total * _MUCH:
        return warning(f"{seen}, others accepted since", advice, count=count)
    return ok(seen, count=count)


def _last_acceptance(endings: Sequence[Ending]) -> float:
    accepted = [e.last_ago for e in endings if e.status == AttemptStatus.PROVIDER_ACCEPTED]
    return min(accepted, default=float("inf"))


def durations(config: Config, facts: OutcomeFacts) -> Verdict:
    found, budget = facts.durations, config.smtp_timeout.total_seconds()
    if not found:
        return ok("nothing was sent in the last ten minutes")
    seen = (
        f"half within {lasting(found['p50'])}, 95 % within {lasting(found['p95'])}, the longest"
        f" {lasting(found['longest'])}; MAIL_SMTP_TIMEOUT is {lasting(budget)}"
    )
    if found["p95"] > budget / 2:
        return warning(
            seen,
            "The relay is slow: its queue, its content filter, or too many connections at once."
            " Fewer senders may be faster.",
            **found,
        )
    return ok(seen, **found)


def unknown(config: Config, facts: OutcomeFacts) -> Verdict:
    if not facts.unknown:
        return ok("none in the last hour", unknown=0)
    policy = (
        "are sent again and may arrive twice"
        if config.unknown_outcome is UnknownOutcome.RETRY
        else "are not sent again and may not have arrived"
    )
    return warning(
        f"{counted(facts.unknown, 'attempt')} in the last hour ({first_of(facts.unknown_codes)})",
        f"Those deliveries {policy}: MAIL_UNKNOWN_OUTCOME decides. timeout: the relay was slower"
        " than MAIL_SMTP_FINAL_REPLY_TIMEOUT. worker_lost: see processes.lost.",
        unknown=facts.unknown,
    )


def dead_letters(_config: Config, facts: EndFacts) -> Verdict:
    total = sum(reason.count for reason in facts.dead_letters)
    if not total:
        return ok("none in the last hour", dead_letters=0)
    left = total - facts.resent
    seen = (
        f"{total:,} in the last hour, {facts.resent:,} of them sent again:"
        f" {_reasons(facts.dead_letters)}"
    )
    if not left:
        return ok(seen, dead_letters=total)
    advice = (
        "Fix the cause (manage.py smtp_check), then manage.py resend_delivery --status dead_letter"
        " --since 2h --dry-run, and without --dry-run."
    )
    if left >= _SPIKE:
        return failed(seen, advice, dead_letters=total)
    return warning(seen, advice, dead_letters=total)


def suppressed(config: Config, facts: EndFacts, outcomes: OutcomeFacts) -> Verdict:
    total = sum(reason.count for reason in facts.suppressed)
    stub = config.smtp_mode is SmtpMode.STUB
    login_codes = f"{counted(facts.stubbed, 'login code')} ended by the stub"
    if facts.stubbed and not stub:
        return warning(
            f"{login_codes} in the last hour, and here the mode is smtp",
            "Some process runs with MAIL_SMTP_MODE=stub: give all of them the same environment.",
            stubbed=facts.stubbed,
        )
    if not total:
        rest = f"; {login_codes}, as it does in stub mode" if facts.stubbed else ""
        return ok(f"none by the relay in the last hour{rest}", suppressed=0)
    seen = f"{total:,} in the last hour: {_reasons(facts.suppressed)}"
    attempts = sum(ending.count for ending in outcomes.endings)
    if total >= _SPIKE or total >= attempts * _NOTABLE:
        return warning(
            seen,
            "The relay's suppression list names these recipients: clear it there if they should"
            " get mail, else have the producer stop asking.",
            suppressed=total,
        )
    return ok(seen, suppressed=total)


def unmatched(_config: Config, facts: EndFacts) -> Verdict:
    if facts.unmatched:
        return failed(
            f"a dead letter and its entry do not match: {first_of(facts.unmatched)}",
            "Something else than this service wrote to the tables: manage.py show_delivery ID.",
        )
    return ok("every dead letter looked at has its entry, and the reverse")


def _reasons(reasons: Sequence[Reason]) -> str:
    """The most frequent ones."""
    shown = [
        f"{reason.count:,} {reason.source} {reason.failure_code or ''} “{reason.summary}”"
        for reason in reasons[:_SHOWN]
    ]
    more = len(reasons) - _SHOWN
    return "; ".join(shown) + (f"; and {more} other reasons" if more > 0 else "")
