"""One mail transaction on an open session: MAIL, RCPT, DATA, the message, the final reply."""

import time
from typing import NoReturn

from deliveries import crash
from deliveries.attempt.smtp.ended import LINK_ERRORS, EndedError, report_of
from deliveries.attempt.smtp.envelope import Envelope
from deliveries.attempt.smtp.guard import Guard
from deliveries.attempt.smtp.replies import parse_repeated_reply, parse_reply
from deliveries.attempt.smtp.session import Session
from deliveries.attempt.smtp.stuffing import Outgoing
from deliveries.attempt.smtp.waiting import CutError
from deliveries.crash import Point
from deliveries.outcome.report import Event, RecipientReply, Reply, Report
from deliveries.states import Phase

_CHUNK = 256 * 1024
_MOST_PIPELINED = 50  # commands per write: with 256-octet paths under the buffers of any system
_DRAIN_SECONDS = 5.0
_LEFT_BEHIND_SECONDS = 0.1  # what a relay said before it went is here already


class Transaction:
    """Runs once, and reports."""

    __slots__ = (
        "_asked",
        "_commands",
        "_envelope",
        "_final_dot_written",
        "_guard",
        "_heard",
        "_outgoing",
        "_replies",
        "_session",
        "_unanswered",
        "_window",
        "_wire",
    )

    def __init__(
        self, *, session: Session, envelope: Envelope, outgoing: Outgoing, guard: Guard
    ) -> None:
        self._session = session
        self._wire = session.wire
        self._envelope = envelope
        self._outgoing = outgoing
        self._guard = guard
        self._commands: list[str] = []
        self._window = _MOST_PIPELINED if session.offer.pipelining else 1
        self._asked = 0  # commands that were written
        self._unanswered = 0
        self._heard: list[bytes] = []  # replies that have come and were not looked at
        self._replies: list[RecipientReply] = []
        self._final_dot_written = False

    def run(self) -> Report:
        """The report, when the session may take the next message; else raises EndedError."""
        session = self._session
        session.phase = Phase.MAIL
        try:
            if (known := self._known_before()) is not None:
                return known
            if not self._guard.may_begin():
                raise EndedError(self._report(Event.GIVEN_BACK))
            session.messages += 1
            if (refused := self._open_transaction()) is not None:
                return refused
            self._write_message()
            return self._hear_final()
        except LINK_ERRORS as error:
            unused = (
                session.phase is Phase.MAIL
                and isinstance(error, OSError)
                and not isinstance(error, TimeoutError)
            )
            raise EndedError(self._report_error(error), unused=unused) from None

    def _known_before(self) -> Report | None:
        """What the relay need not be asked, as it said so in its answer to EHLO."""
        offer = self._session.offer
        if offer.largest is not None and offer.largest < self._outgoing.size:
            return self._report(Event.MESSAGE_TOO_LARGE)
        if self._envelope.smtputf8 and not offer.smtputf8:
            return self._report(Event.SMTPUTF8_UNAVAILABLE)
        return None

    def _open_transaction(self) -> Report | None:
        """Up to the 354; the report of a refusal that leaves the session in step."""
        envelope, session = self._envelope, self._session
        commands = self._commands
        if session.needs_reset:
            commands.append("RSET\r\n")
        commands.append(f"MAIL FROM:<{envelope.sender}>{self._parameters()}\r\n")
        commands += [f"RCPT TO:<{address}>\r\n" for address in envelope.recipients]
        commands.append("DATA\r\n")
        if session.needs_reset:
            self._hear_reset(self._answer())
        raw = self._answer()
        if not raw.startswith(b"2"):
            return self._mail_refused(parse_reply(raw))
        session.phase = Phase.RCPT
        if not self._hear_recipients():
            return self._all_refused()
        session.phase = Phase.DATA
        raw = self._answer()
        return None if raw.startswith(b"354") else self._data_refused(parse_reply(raw))

    def _parameters(self) -> str:
        offer = self._session.offer
        parameters = f" SIZE={self._outgoing.size}" if offer.size else ""
        if self._envelope.smtputf8:  # RFC 6531 section 3.1: who offers it takes 8BITMIME
            return f"{parameters} SMTPUTF8 BODY=8BITMIME"
        if offer.eight_bit and not self._outgoing.is_ascii:
            return f"{parameters} BODY=8BITMIME"
        return parameters

    def _answer(self) -> bytes:
        """The next reply. A group of commands is written when the one before is answered."""
        if not self._heard:
            if not self._unanswered:
                group = self._commands[self._asked : self._asked + self._window]
                self._asked += len(group)
                self._unanswered = len(group)
                self._wire.ask("".join(group).encode())
            self._heard = self._wire.read_some(self._unanswered)
        self._unanswered -= 1
        return self._heard.pop(0)

    def _hear_reset(self, raw: bytes) -> None:
        if not raw.startswith(b"2"):
            raise EndedError(self._refusal(parse_reply(raw)), unused=True)
        self._session.needs_reset = False

    def _mail_refused(self, reply: Reply) -> Report:
        report = self._refusal(reply)
        if _ends(reply) or self._unanswered:
            raise EndedError(report, unused=reply.code == 421)
        return report

    def _hear_recipients(self) -> bool:
        """Whether anyone may have the message."""
        replies, accepted = self._replies, False
        for address in self._envelope.recipients:
            reply = parse_repeated_reply(self._answer())
            replies.append(RecipientReply(address, reply))
            if reply.code < 300:
                accepted = True
            elif _ends(reply):
                raise EndedError(self._refusal(reply))
        return accepted

    def _all_refused(self) -> Report:
        """The last refusal stands for all."""
        self._session.needs_reset = True
        _, reply = self._replies[-1]
        if reply is None:
            raise RuntimeError("everyone was answered")
        report = self._refusal(reply)
        if self._unanswered:
            self._hear_data_for_nobody(report)
        return report

    def _hear_data_for_nobody(self, report: Report) -> None:
        """DATA was on its way already. A 354 wants a message, and a lone dot would be one."""
        self._wire.deadline = min(self._wire.deadline, time.monotonic() + _DRAIN_SECONDS)
        try:
            reply = parse_reply(self._answer())
        except LINK_ERRORS:
            raise EndedError(report) from None  # everybody's reply is known anyway
        if _ends(reply):
            raise EndedError(report)

    def _data_refused(self, reply: Reply) -> Report:
        report = self._refusal(reply)
        if _ends(reply):
            raise EndedError(report)
        self._session.needs_reset = True
        return report

    def _write_message(self) -> None:
        self._session.phase = Phase.BODY
        data = self._outgoing.data
        wire = self._wire
        left = data if len(data) <= _CHUNK else memoryview(data)
        try:
            while not wire.received:
                last = len(left) <= _CHUNK
                taken = self._write_last(left) if last else wire.take(left[:_CHUNK])
                if taken == len(left):
                    return
                if taken < _CHUNK:
                    wire.wait_to_write()
                left = left[taken:]
        except OSError as error:
            self._hear_early(error)
        self._hear_early(None)

    def _write_last(self, chunk: bytes | memoryview) -> int:
        """What may hold the final dot. From there on the relay may have the message."""
        interrupt = self._session.interrupt
        if not self._guard.may_finish():
            raise EndedError(self._report(Event.GIVEN_BACK))
        if not interrupt.cross():
            raise CutError
        taken = 0
        try:
            taken = self._wire.take(chunk)
        finally:
            self._final_dot_written = taken == len(chunk)
            if not self._final_dot_written:
                interrupt.step_back()
        if self._final_dot_written:
            crash.here(Point.ATTEMPT_FINISHED)
        return taken

    def _hear_early(self, error: OSError | None) -> NoReturn:
        """Why the relay takes no more, if it has said so; else the error says what there is."""
        now = time.monotonic()
        deadline = min(self._wire.deadline, now + _DRAIN_SECONDS)
        self._wire.deadline = deadline if error is None else now + _LEFT_BEHIND_SECONDS
        try:
            reply = parse_reply(self._wire.read())
        except LINK_ERRORS:
            if error is not None:
                raise error from None
            raise
        raise EndedError(self._refusal(reply))

    def _hear_final(self) -> Report:
        self._session.phase = Phase.FINAL
        self._wire.deadline = time.monotonic() + self._session.relay.final_reply_timeout
        reply = parse_reply(self._wire.read())
        if reply.code // 100 == 3:  # neither taken nor refused
            raise EndedError(self._refusal(reply))
        self._final_dot_written = False
        if reply.code == 421:
            raise EndedError(self._refusal(reply))
        return self._report(Event.REPLY, reply)

    def _refusal(self, reply: Reply) -> Report:
        """The report of a reply that is not a consent: a refusal, or one out of place."""
        return self._report(Event.REPLY if reply.code >= 400 else Event.PROTOCOL_ERROR, reply)

    def _report(self, event: Event, reply: Reply | None = None) -> Report:
        phase, recipients = self._session.phase, self._recipients()
        return Report(event, phase, reply, recipients, self._final_dot_written)

    def _report_error(self, error: Exception) -> Report:
        return report_of(
            error,
            phase=self._session.phase,
            recipients=self._recipients(),
            final_dot_written=self._final_dot_written,
        )

    def _recipients(self) -> tuple[RecipientReply, ...]:
        """One entry for each recipient, also for those who were not asked or not answered."""
        heard, recipients = self._replies, self._envelope.recipients
        rest = [RecipientReply(address, None) for address in recipients[len(heard) :]]
        return (*heard, *rest)


def _ends(reply: Reply) -> bool:
    """Whether nothing more can be asked after it: a good-bye, or a reply out of place."""
    return reply.code == 421 or reply.code < 400
