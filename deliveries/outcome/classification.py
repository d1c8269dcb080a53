"""What a reply or an event means: for the attempt, and for the recipients it concerns. Pure.

The table of docs/smtp.md in code. The three-digit class decides and the enhanced code refines it
(RFC 5321 section 4.2.1, RFC 3463); refusals before MAIL concern us and not the message, whatever
their digit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique

from deliveries.outcome.report import Event, Reply, Report
from deliveries.states import AttemptStatus, FailureCode, Phase


@unique
class Disposition(StrEnum):
    """What a recipient may expect after this transaction."""

    ACCEPTED = "accepted"
    SUPPRESSED = "suppressed"  # refused for good, with a suppression marker
    REFUSED = "refused"  # refused for good
    DEFERRED = "deferred"  # to be tried again


@dataclass(frozen=True, slots=True)
class Judgement:
    status: AttemptStatus
    failure_code: FailureCode | None
    disposition: Disposition


_ACCEPTED = Judgement(AttemptStatus.PROVIDER_ACCEPTED, None, Disposition.ACCEPTED)
_SUPPRESSED = Judgement(
    AttemptStatus.PROVIDER_REJECTED, FailureCode.SUPPRESSED_BY_PROVIDER, Disposition.SUPPRESSED
)


def _rejected(code: FailureCode) -> Judgement:
    return Judgement(AttemptStatus.PROVIDER_REJECTED, code, Disposition.REFUSED)


def _failed(code: FailureCode) -> Judgement:
    return Judgement(AttemptStatus.TRANSPORT_FAILED, code, Disposition.DEFERRED)


# The relay refused us, not the message.
_REFUSED_US = {
    Phase.CONNECT: FailureCode.GREETING_REFUSED,
    Phase.GREETING: FailureCode.GREETING_REFUSED,
    Phase.EHLO: FailureCode.EHLO_REFUSED,
    Phase.STARTTLS: FailureCode.STARTTLS_UNAVAILABLE,
    Phase.AUTH: FailureCode.AUTH_FAILED,
    Phase.MAIL: FailureCode.SENDER_REFUSED,
}

_EVENTS = {
    Event.DNS_FAILED: _failed(FailureCode.DNS_FAILED),
    Event.CONNECT_FAILED: _failed(FailureCode.CONNECT_FAILED),
    Event.STARTTLS_UNAVAILABLE: _failed(FailureCode.STARTTLS_UNAVAILABLE),
    Event.TLS_FAILED: _failed(FailureCode.TLS_FAILED),
    Event.AUTH_UNAVAILABLE: _failed(FailureCode.AUTH_FAILED),
    Event.CONNECTION_LOST: _failed(FailureCode.CONNECTION_LOST),
    Event.PROTOCOL_ERROR: _failed(FailureCode.PROTOCOL_ERROR),
    Event.TIMEOUT: Judgement(AttemptStatus.TIMED_OUT, FailureCode.TIMEOUT, Disposition.DEFERRED),
    Event.MESSAGE_TOO_LARGE: _rejected(FailureCode.MESSAGE_TOO_LARGE),
    Event.SMTPUTF8_UNAVAILABLE: _rejected(FailureCode.SMTPUTF8_UNAVAILABLE),
}


def judge(*, report: Report, markers: Iterable[str]) -> Judgement:
    """What ended the transaction, and what it means for everyone not refused one by one.

    `markers` are lower case. Raises ValueError for GIVEN_BACK, which decides nothing.
    """
    if report.event is Event.GIVEN_BACK:
        raise ValueError("an attempt given back has no outcome")
    if report.event is not Event.REPLY:
        return _EVENTS[report.event]
    if report.reply is None:
        raise ValueError("a report of a reply carries the reply")
    return judge_reply(phase=report.phase, reply=report.reply, markers=markers)


def judge_reply(*, phase: Phase, reply: Reply, markers: Iterable[str]) -> Judgement:
    """What a reply in this phase means.

    2xx to the message accepts it, and to RCPT the recipient; elsewhere a reply that is neither 4xx
    nor 5xx is out of place.
    """
    severity = reply.code // 100
    if severity == 2 and phase in {Phase.FINAL, Phase.RCPT}:
        return _ACCEPTED
    if severity not in {4, 5}:
        return _failed(FailureCode.PROTOCOL_ERROR)
    if phase in _REFUSED_US and not (phase is Phase.MAIL and _is_marked(reply, markers)):
        return _failed(_REFUSED_US[phase])
    if severity == 4 or _is_mailbox_full(phase, reply):
        return _failed(FailureCode.TEMPORARY_REPLY)
    if _is_marked(reply, markers):
        return _SUPPRESSED
    return _rejected(FailureCode.PERMANENT_REPLY)


def _is_marked(reply: Reply, markers: Iterable[str]) -> bool:
    text = reply.text.lower()
    return reply.code // 100 == 5 and any(marker in text for marker in markers)


def _is_mailbox_full(phase: Phase, reply: Reply) -> bool:
    """552 to RCPT without an enhanced code: a full mailbox (RFC 5321 section 4.5.3.1.10)."""
    return phase is Phase.RCPT and reply.code == 552 and reply.enhanced is None
