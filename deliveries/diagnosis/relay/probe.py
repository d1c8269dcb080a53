"""One dialogue: connect, greeting, EHLO, TLS, login, perhaps the sender; then QUIT."""

import time
from dataclasses import dataclass

from deliveries.attempt.smtp.connection import connect
from deliveries.attempt.smtp.ended import LINK_ERRORS, EndedError, report_of
from deliveries.attempt.smtp.relay import Relay
from deliveries.attempt.smtp.replies import parse_reply
from deliveries.attempt.smtp.session import Session
from deliveries.attempt.smtp.waiting import Interrupt
from deliveries.diagnosis.relay.dialogue import Encryption, Exchange, OverheardWire
from deliveries.outcome.classification import Classifier
from deliveries.outcome.report import Event, Reply, Report
from deliveries.states import FailureCode, Phase


@dataclass(frozen=True, slots=True)
class Probe:
    """How far the dialogue came. `ended` is what stopped it, None when mail would be taken.

    `peer` is the address that was reached, empty when none was. `spent` is how long each phase
    took, in ms. `login` is the reply that let us in, `sender` the reply to MAIL; both None where
    nobody asked.
    """

    peer: str = ""
    connect_ms: float | None = None
    total_ms: float = 0.0
    exchanges: tuple[Exchange, ...] = ()
    spent: tuple[tuple[Phase, float], ...] = ()
    encryption: Encryption | None = None
    ended: Report | None = None
    sender: Reply | None = None

    @property
    def greeting(self) -> Reply | None:
        return self._reply_to("")

    @property
    def login(self) -> Reply | None:
        return self._reply_to("AUTH")

    @property
    def keywords(self) -> dict[str, str]:
        """What the relay offers, by its last EHLO: under TLS, where there is TLS."""
        offers = [exchange.keywords for exchange in self.exchanges if exchange.keywords]
        return offers[-1] if offers else {}

    @property
    def mechanisms(self) -> tuple[str, ...]:
        return tuple(self.keywords.get("AUTH", "").upper().split())

    @property
    def failure_code(self) -> FailureCode | None:
        """What an attempt that ended like this would record."""
        return None if self.ended is None else Classifier().judge(self.ended).failure_code

    @property
    def problem(self) -> str:
        """`auth_failed in phase auth: 535 5.7.8 no`; empty when mail would be taken."""
        if self.ended is None:
            return ""
        said = self.ended.reply.summary if self.ended.reply else self.ended.detail
        return f"{self.failure_code} in phase {self.ended.phase}" + (f": {said}" if said else "")

    def _reply_to(self, verb: str) -> Reply | None:
        replies = [exchange.reply for exchange in self.exchanges if exchange.verb == verb]
        return replies[-1] if replies else None


def probe(*, relay: Relay, sender: str | None = None) -> Probe:
    """Hold the dialogue within the relay's timeout. No fault of the network raises.

    With a `sender` it also says MAIL, and RSET after it.
    """
    started = time.monotonic()
    deadline, interrupt = started + relay.timeout, Interrupt()
    try:
        sock = connect(host=relay.host, port=relay.port, deadline=deadline, interrupt=interrupt)
    except LINK_ERRORS as error:
        unreached = report_of(error, phase=Phase.CONNECT)
        return Probe(total_ms=_since(started), ended=unreached)
    connect_ms, peer = _since(started), _shown(sock.getpeername())
    wire = OverheardWire(relay=relay, sock=sock, interrupt=interrupt)
    timeline = [(Phase.CONNECT, time.time_ns() - int(connect_ms * 1e6))]
    session = Session(relay=relay, wire=wire, interrupt=interrupt, timeline=timeline)
    answer, ended = _converse(session, deadline, sender)
    spent = _spent(timeline, until=time.time_ns())
    session.close(politely=ended is None)
    return Probe(
        peer=peer,
        connect_ms=connect_ms,
        total_ms=_since(started),
        exchanges=tuple(wire.exchanges),
        spent=spent,
        encryption=wire.encryption,
        ended=ended,
        sender=answer,
    )


def _converse(
    session: Session, deadline: float, sender: str | None
) -> tuple[Reply | None, Report | None]:
    """The reply to MAIL, and what ended the dialogue."""
    try:
        session.begin(deadline)
        if sender is None:
            return None, None
        session.phase = Phase.MAIL
        reply = _say(session, f"MAIL FROM:<{sender}>")
        if reply.code // 100 != 2:
            return reply, Report(Event.REPLY, Phase.MAIL, reply)
        _say(session, "RSET")
    except EndedError as error:
        return None, error.report
    except LINK_ERRORS as error:
        return None, report_of(error, phase=session.phase)
    return reply, None


def _say(session: Session, line: str) -> Reply:
    session.wire.ask(f"{line}\r\n".encode())
    return parse_reply(session.wire.read())


def _spent(timeline: list[tuple[Phase, int]], *, until: int) -> tuple[tuple[Phase, float], ...]:
    """A phase that comes twice, as EHLO does around STARTTLS, counts once."""
    spent: dict[Phase, float] = {}
    ends = [begin for _, begin in timeline[1:]] + [until]
    for (phase, begin), end in zip(timeline, ends, strict=True):
        spent[phase] = spent.get(phase, 0.0) + (end - begin) / 1e6
    return tuple(spent.items())


def _since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000


def _shown(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
