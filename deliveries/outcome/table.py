"""The classifier's table, row by row as docs/smtp.md has it. Pure: data, and how a row is found.

The three-digit class decides and the enhanced code refines it (RFC 5321 section 4.2.1, RFC 3463).
Refusals before MAIL concern us and not the message, whatever their digit.
"""

from dataclasses import dataclass

from deliveries.outcome.judgement import (
    ACCEPTED,
    SUPPRESSED,
    TIMED_OUT,
    Judgement,
    failed,
    rejected,
)
from deliveries.outcome.report import Event
from deliveries.states import FailureCode, Phase

_EVERY_PHASE = tuple(Phase)
_FROM_RCPT = (Phase.RCPT, Phase.DATA, Phase.BODY, Phase.FINAL)
_REFUSED = ("4xx", "5xx")


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """Which replies, and what they mean. `source` is the section that says so, or why we do.

    `codes` are three digits, or a class as `5xx`; none fit every code. `enhanced` lists what the
    enhanced code may be, None for a reply without one; an empty list fits every reply. `marked`
    rows fit only what holds a suppression marker. Whom an `at_once` row concerns is tried again in
    a further transaction of the same attempt.
    """

    phases: tuple[Phase, ...]
    codes: tuple[str, ...]
    judgement: Judgement
    source: str
    enhanced: tuple[str | None, ...] = ()
    marked: bool = False
    at_once: bool = False

    def fits(self, *, phase: Phase, code: int, enhanced: str | None, marked: bool) -> bool:
        return (
            phase in self.phases
            and (not self.codes or str(code) in self.codes or f"{code // 100}xx" in self.codes)
            and (not self.enhanced or enhanced in self.enhanced)
            and (marked or not self.marked)
        )


@dataclass(frozen=True, slots=True)
class EventRow:
    judgement: Judgement
    source: str


# The first row that fits decides.
REPLIES: tuple[ReplyRow, ...] = (
    ReplyRow((Phase.RCPT, Phase.FINAL), ("2xx",), ACCEPTED, "RFC 5321 section 4.2.1"),
    ReplyRow(
        (Phase.CONNECT, Phase.GREETING),
        _REFUSED,
        failed(FailureCode.GREETING_REFUSED),
        "RFC 5321 section 3.1",
    ),
    ReplyRow((Phase.EHLO,), _REFUSED, failed(FailureCode.EHLO_REFUSED), "RFC 5321 section 4.1.1.1"),
    ReplyRow(
        (Phase.STARTTLS,),
        _REFUSED,
        failed(FailureCode.STARTTLS_UNAVAILABLE),
        "RFC 3207 section 4",
    ),
    ReplyRow((Phase.AUTH,), _REFUSED, failed(FailureCode.AUTH_FAILED), "RFC 4954 section 6"),
    ReplyRow((Phase.MAIL,), ("5xx",), SUPPRESSED, "the provider's own text", marked=True),
    ReplyRow((Phase.MAIL,), _REFUSED, failed(FailureCode.SENDER_REFUSED), "RFC 5321 section 3.3"),
    ReplyRow(
        (Phase.RCPT,),
        ("452",),
        failed(FailureCode.TEMPORARY_REPLY),
        "RFC 5321 section 4.5.3.1.10",
        enhanced=(None, "4.5.3"),
        at_once=True,
    ),
    ReplyRow(
        (Phase.RCPT,),
        ("552",),
        failed(FailureCode.TEMPORARY_REPLY),
        "RFC 5321 section 4.5.3.1.10",
        enhanced=(None,),
    ),
    ReplyRow(_FROM_RCPT, ("4xx",), failed(FailureCode.TEMPORARY_REPLY), "RFC 5321 section 4.2.1"),
    ReplyRow(_FROM_RCPT, ("5xx",), SUPPRESSED, "the provider's own text", marked=True),
    ReplyRow(_FROM_RCPT, ("5xx",), rejected(FailureCode.PERMANENT_REPLY), "RFC 5321 section 4.2.1"),
    ReplyRow(_EVERY_PHASE, (), failed(FailureCode.PROTOCOL_ERROR), "RFC 5321 section 4.3.2"),
)

EVENTS: dict[Event, EventRow] = {
    Event.DNS_FAILED: EventRow(failed(FailureCode.DNS_FAILED), "RFC 5321 section 5.1"),
    Event.CONNECT_FAILED: EventRow(failed(FailureCode.CONNECT_FAILED), "RFC 5321 section 4.5.4.1"),
    Event.STARTTLS_UNAVAILABLE: EventRow(
        failed(FailureCode.STARTTLS_UNAVAILABLE), "RFC 3207 section 4.1"
    ),
    Event.TLS_FAILED: EventRow(failed(FailureCode.TLS_FAILED), "RFC 3207 section 4.1"),
    Event.AUTH_UNAVAILABLE: EventRow(failed(FailureCode.AUTH_FAILED), "RFC 4954 section 4"),
    Event.CONNECTION_LOST: EventRow(failed(FailureCode.CONNECTION_LOST), "RFC 5321 section 3.8"),
    Event.PROTOCOL_ERROR: EventRow(failed(FailureCode.PROTOCOL_ERROR), "RFC 5321 section 4.2"),
    Event.TIMEOUT: EventRow(TIMED_OUT, "RFC 5321 section 4.5.3.2"),
    Event.MESSAGE_TOO_LARGE: EventRow(
        rejected(FailureCode.MESSAGE_TOO_LARGE), "RFC 1870 section 6.1"
    ),
    Event.SMTPUTF8_UNAVAILABLE: EventRow(
        rejected(FailureCode.SMTPUTF8_UNAVAILABLE), "RFC 6531 section 3.2"
    ),
}
