"""From a name to a session that takes mail: connect, greeting, EHLO, STARTTLS, AUTH."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from deliveries.attempt.smtp.authentication import Credentials, authenticate
from deliveries.attempt.smtp.connection import connect
from deliveries.attempt.smtp.ended import LINK_ERRORS, EndedError, reason_of, report_of
from deliveries.attempt.smtp.relay import Relay
from deliveries.attempt.smtp.replies import parse_keywords, parse_reply
from deliveries.attempt.smtp.tls import Ticket
from deliveries.attempt.smtp.waiting import Interrupt
from deliveries.attempt.smtp.wire import Wire
from deliveries.conf import TlsMode
from deliveries.outcome.report import Event, Reply, Report
from deliveries.states import Phase

_UNKNOWN_COMMAND = frozenset({500, 502})
_QUIT_SECONDS = 0.1


def open_session(
    *,
    relay: Relay,
    interrupt: Interrupt,
    deadline: float,
    timeline: list[tuple[Phase, int]],
    ticket: Ticket | None = None,
) -> "Session":
    """A session that takes mail, and notes in `timeline` when its phases begin.

    Raises EndedError.
    """
    timeline.append((Phase.CONNECT, time.time_ns()))
    try:
        sock = connect(host=relay.host, port=relay.port, deadline=deadline, interrupt=interrupt)
    except LINK_ERRORS as error:
        raise EndedError(report_of(error, phase=Phase.CONNECT)) from None
    session = Session(
        relay=relay,
        wire=Wire(sock=sock, interrupt=interrupt),
        interrupt=interrupt,
        timeline=timeline,
        ticket=ticket,
    )
    try:
        session.begin(deadline)
    except BaseException:
        session.close()
        raise
    return session


@dataclass(frozen=True, slots=True)
class Offer:
    """What a transaction may use of what the relay offers. `largest` is in octets (RFC 1870)."""

    pipelining: bool
    size: bool
    largest: int | None
    eight_bit: bool
    smtputf8: bool

    @classmethod
    def of(cls, keywords: Mapping[str, str]) -> "Offer":
        limit = keywords.get("SIZE", "")  # 0 stands for no limit
        return cls(
            pipelining="PIPELINING" in keywords,
            size="SIZE" in keywords,
            largest=(int(limit) or None) if limit.isdecimal() else None,
            eight_bit="8BITMIME" in keywords,
            smtputf8="SMTPUTF8" in keywords,
        )


class Session:
    """One connection to the relay, in the phase that it has reached.

    `needs_reset` says that a transaction was left without DATA, and the next begins with RSET.
    """

    def __init__(
        self,
        *,
        relay: Relay,
        wire: Wire,
        interrupt: Interrupt,
        timeline: list[tuple[Phase, int]],
        ticket: Ticket | None = None,
    ) -> None:
        self.wire = wire
        self.interrupt = interrupt
        self.relay = relay
        self._phase = Phase.CONNECT
        self._timeline = timeline
        self._ticket = ticket
        self.keywords: dict[str, str] = {}
        self.offer = Offer.of({})
        self.needs_reset = False
        self.messages = 0
        self.opened_at = self.used_at = time.monotonic()

    @property
    def phase(self) -> Phase:
        return self._phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self._phase = phase
        self._timeline.append((phase, time.time_ns()))

    def begin(self, deadline: float) -> None:
        """All that comes before the first transaction. Raises EndedError."""
        self.wire.deadline = deadline
        try:
            if self.relay.tls is TlsMode.TLS:
                self._start_tls()
            self.phase = Phase.GREETING
            self._expect(parse_reply(self.wire.read()), 2)
            self._introduce()
            if self.relay.tls is TlsMode.STARTTLS:
                self._upgrade()
            if self.relay.username:
                self._authenticate()
        except LINK_ERRORS as error:
            raise EndedError(report_of(error, phase=self.phase)) from None

    def close(self, *, politely: bool = False) -> None:
        """`politely` says QUIT, without waiting for the 221: it would change nothing."""
        if politely:
            self.wire.deadline = time.monotonic() + _QUIT_SECONDS
            with contextlib.suppress(*LINK_ERRORS):
                self.wire.write(b"QUIT\r\n")
        self.wire.close()

    def _expect(self, reply: Reply, severity: int) -> None:
        """Anything but a reply of this first digit ends the dialogue, one out of place too."""
        if reply.code // 100 == severity:
            return
        event = Event.REPLY if reply.code >= 400 else Event.PROTOCOL_ERROR
        raise EndedError(Report(event, self.phase, reply))

    def _command(self, line: str) -> Reply:
        return parse_reply(self._exchange(line))

    def _exchange(self, line: str) -> bytes:
        self.wire.ask(f"{line}\r\n".encode())
        return self.wire.read()

    def _introduce(self) -> None:
        """EHLO; HELO only where the relay knows no EHLO and nothing needed depends on it."""
        self.phase = Phase.EHLO
        relay = self.relay
        raw = self._exchange(f"EHLO {relay.helo_name}")
        reply = parse_reply(raw)
        plain = relay.tls is TlsMode.NONE and not relay.username
        if plain and reply.code in _UNKNOWN_COMMAND:
            self._expect(self._command(f"HELO {relay.helo_name}"), 2)
            return
        self._expect(reply, 2)
        self.keywords = parse_keywords(raw)
        self.offer = Offer.of(self.keywords)

    def _upgrade(self) -> None:
        self.phase = Phase.STARTTLS
        if "STARTTLS" not in self.keywords:
            raise EndedError(Report(Event.STARTTLS_UNAVAILABLE, self.phase))
        reply = self._command("STARTTLS")
        if reply.code != 220:
            raise EndedError(Report(Event.STARTTLS_UNAVAILABLE, self.phase, reply))
        if self.wire.received:
            # What anyone slipped in before the handshake would count as said after it.
            raise EndedError(
                Report(Event.TLS_FAILED, self.phase, detail="bytes after the reply to STARTTLS")
            )
        self._start_tls()
        self._introduce()  # what was offered in the clear may have been anyone's

    def _start_tls(self) -> None:
        context = self.relay.ssl_context
        if context is None:
            raise RuntimeError("a relay with TLS has an SSL context")
        try:
            self.wire.upgrade(context=context, host=self.relay.host, ticket=self._ticket)
        except TimeoutError:
            raise
        except OSError as error:
            report = Report(Event.TLS_FAILED, self.phase, detail=reason_of(error))
            raise EndedError(report) from None

    def _authenticate(self) -> None:
        self.phase = Phase.AUTH
        credentials = Credentials(self.relay.username, self.relay.password)
        reply = authenticate(
            offered=self.keywords.get("AUTH", ""),
            credentials=credentials,
            command=lambda line: parse_reply(credentials.hide(self._exchange(line))),
        )
        if reply is None:
            raise EndedError(Report(Event.AUTH_UNAVAILABLE, self.phase))
        if reply.code == 334:
            self.wire.write(b"*\r\n")  # RFC 4954 section 4: cancels the exchange
        self._expect(reply, 2)
