"""What the sending of one message reports: facts only, no judgement. Pure: no Django.

`attempt` makes a report, `classification` judges it. The set of events is closed: every member has
its row in the classifier's table.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import NamedTuple

from deliveries.states import Phase

_LONGEST_SUMMARY = 512


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply (RFC 5321 section 4.2).

    `code` is the three-digit code; `enhanced` the enhanced status code (RFC 3463), only when its
    class agrees with the code's; `text` the lines joined by a space: printable, UTF-8 with
    replacement, as long as the wire takes replies.
    """

    code: int
    enhanced: str | None
    text: str

    @property
    def whole(self) -> str:
        """Code, enhanced code, text."""
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)

    @property
    def summary(self) -> str:
        """The reply as an operator reads it."""
        return cut(self.whole)


def cut(whole: str) -> str:
    """As much of a reply as goes on record."""
    return whole[:_LONGEST_SUMMARY].rstrip()


@unique
class Event(StrEnum):
    """How a transaction ended, as far as the client can tell."""

    REPLY = "reply"  # `Report.reply` decides
    DNS_FAILED = "dns_failed"
    CONNECT_FAILED = "connect_failed"
    STARTTLS_UNAVAILABLE = "starttls_unavailable"
    TLS_FAILED = "tls_failed"
    AUTH_UNAVAILABLE = "auth_unavailable"  # no mechanism of ours is offered
    CONNECTION_LOST = "connection_lost"
    PROTOCOL_ERROR = "protocol_error"
    TIMEOUT = "timeout"
    MESSAGE_TOO_LARGE = "message_too_large"  # known from SIZE, nothing was sent
    SMTPUTF8_UNAVAILABLE = "smtputf8_unavailable"  # known from EHLO, nothing was sent
    GIVEN_BACK = "given_back"  # we stopped before the final dot; the relay decided nothing


class RecipientReply(NamedTuple):
    """What the relay said of one recipient: its reply to RCPT, None when it gave none."""

    address: str
    reply: Reply | None


class Report(NamedTuple):
    """One attempt at one message.

    `phase` is where it ended and `reply` the reply that ended it, if one did. `recipients` holds
    one entry for each recipient that was tried, in order, with the replies to RCPT. When the
    message was accepted, `event` is REPLY, `phase` FINAL and `reply` the final 2xx: those whose
    RCPT got a 2xx have it. `final_dot_written` says that the last bytes of the message were handed
    to the kernel and no reply to them came back: only then is the outcome unknown. `detail` is for
    the operator where no reply speaks, such as a TLS error's reason; it holds no addresses.
    """

    event: Event
    phase: Phase
    reply: Reply | None = None
    recipients: tuple[RecipientReply, ...] = ()
    final_dot_written: bool = False
    detail: str = ""
