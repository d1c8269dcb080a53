"""One mail transaction on an open session: MAIL, RCPT, DATA, the message, the final reply."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from deliveries.attempt.smtp.replies import ProtocolError
from deliveries.attempt.smtp.session import EndedError, Session
from deliveries.outcome.report import Event, RecipientReply, Reply, Report
from deliveries.states import Phase

_LONE_BREAK = re.compile(rb"(?<!\r)\n|\r(?!\n)")


class Guard(Protocol):
    """Asked before what cannot be taken back."""

    def may_begin(self) -> bool:
        """Just before MAIL."""
        ...

    def may_finish(self) -> bool:
        """Just before the last bytes of the message go to the kernel."""
        ...


@dataclass(frozen=True, slots=True)
class Envelope:
    sender: str = field(repr=False)
    recipients: Sequence[str] = field(repr=False)
    smtputf8: bool = False


class Transaction:
    """Runs once, and reports; `final_dot_written` is true from the last write to the last reply."""

    def __init__(self, *, session: Session, envelope: Envelope, guard: Guard) -> None:
        self._session = session
        self._envelope = envelope
        self._guard = guard
        self._replies: list[RecipientReply] = []
        self.final_dot_written = False

    def run(self, message: bytes) -> Report:
        """Raises EndedError where the connection is over."""
        try:
            return self._run(dot_stuffed(message))
        except (OSError, ProtocolError) as error:
            raise self._session.ended_by(
                error,
                recipients=tuple(self._replies),
                final_dot_written=self.final_dot_written,
            ) from None

    def _run(self, data: bytes) -> Report:
        session, wire = self._session, self._session.wire
        session.phase = Phase.MAIL
        if (known := self._known_before(data)) is not None:
            return known
        if not self._guard.may_begin():
            return self._report(Event.GIVEN_BACK)
        lines = [self._mail(len(data)), *(f"RCPT TO:<{a}>" for a in self._envelope.recipients)]
        pipelined = "PIPELINING" in session.keywords
        if pipelined:
            wire.write("".join(f"{line}\r\n" for line in [*lines, "DATA"]).encode())
        ended = self._dialogue(lines, pipelined=pipelined)
        if ended is not None:
            return ended
        return self._body(data)

    def _dialogue(self, lines: list[str], *, pipelined: bool) -> Report | None:
        """The replies to MAIL, each RCPT and DATA; what ends the transaction early, if anything."""
        session, wire = self._session, self._session.wire
        mail, *recipients = lines
        reply = wire.read_reply() if pipelined else session.command(mail)
        if reply.code // 100 != 2:
            raise EndedError(self._report(Event.REPLY, reply))
        session.phase = Phase.RCPT
        for line, address in zip(recipients, self._envelope.recipients, strict=True):
            reply = wire.read_reply() if pipelined else session.command(line)
            self._replies.append(RecipientReply(address, reply))
            if reply.code == 421:
                raise EndedError(self._report(Event.REPLY, reply))
        accepted = any(r.reply and r.reply.code // 100 == 2 for r in self._replies)
        if not accepted:
            # Pipelined, DATA is on its way: a 354 to it would want a message for nobody.
            raise EndedError(self._report(Event.REPLY, reply))
        session.phase = Phase.DATA
        reply = wire.read_reply() if pipelined else session.command("DATA")
        if reply.code != 354:
            raise EndedError(self._report(Event.REPLY, reply))
        return None

    def _body(self, data: bytes) -> Report:
        session, wire = self._session, self._session.wire
        session.phase = Phase.BODY
        last = max(0, len(data) - 65536)
        wire.write(data[:last])
        if not self._guard.may_finish():
            raise EndedError(self._report(Event.GIVEN_BACK))
        self.final_dot_written = True
        wire.write(data[last:])
        session.phase = Phase.FINAL
        wire.deadline = time.monotonic() + session.relay.final_reply_timeout
        reply = wire.read_reply()
        self.final_dot_written = False
        report = self._report(Event.REPLY, reply)
        if reply.code == 421:
            raise EndedError(report)
        return report

    def _known_before(self, data: bytes) -> Report | None:
        keywords = self._session.keywords
        limit = keywords.get("SIZE", "").strip()
        if limit.isdecimal() and 0 < int(limit) < len(data):
            return self._report(Event.MESSAGE_TOO_LARGE)
        if self._envelope.smtputf8 and "SMTPUTF8" not in keywords:
            return self._report(Event.SMTPUTF8_UNAVAILABLE)
        return None

    def _mail(self, size: int) -> str:
        parameters = ""
        if "SIZE" in self._session.keywords:
            parameters += f" SIZE={size}"
        if self._envelope.smtputf8:
            parameters += " SMTPUTF8 BODY=8BITMIME"
        return f"MAIL FROM:<{self._envelope.sender}>{parameters}"

    def _report(self, event: Event, reply: Reply | None = None) -> Report:
        return Report(event, self._session.phase, reply, tuple(self._replies))


def dot_stuffed(message: bytes) -> bytes:
    """The message as it goes over the wire, its end included (RFC 5321 section 4.5.2).

    Lone CR and LF become CRLF first: after them a dot could end the message for a lax relay.
    """
    data = _LONE_BREAK.sub(b"\r\n", message)
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    if data.startswith(b"."):
        data = b"." + data
    return data + (b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n")
