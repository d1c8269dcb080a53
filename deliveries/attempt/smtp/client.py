"""The client of one thread: a connection opened when needed, used again, and given up in time."""

import time

from deliveries.attempt.smtp.ended import EndedError
from deliveries.attempt.smtp.envelope import Envelope
from deliveries.attempt.smtp.guard import Guard
from deliveries.attempt.smtp.relay import Relay
from deliveries.attempt.smtp.session import Session, open_session
from deliveries.attempt.smtp.stuffing import Outgoing, prepare
from deliveries.attempt.smtp.tls import Ticket
from deliveries.attempt.smtp.transaction import Transaction
from deliveries.attempt.smtp.waiting import Interrupt
from deliveries.outcome.report import Event, Report
from deliveries.states import Phase

_MOST_MESSAGES = 100
_LONGEST_AGE = 60.0
_LONGEST_IDLE = 5.0


class Client:
    """Sends one message after the other over one connection. Used by one thread.

    `abort` and `give_up` are for other threads, and are final: after either the client sends
    nothing more.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._session: Session | None = None
        self._ticket: Ticket | None = None
        self._interrupt = Interrupt()
        self.timeline: list[tuple[Phase, int]] = []  # of the last send; times are Unix ns

    def deadline(self) -> float:
        """When an attempt that starts now must have written its last byte (monotonic)."""
        return time.monotonic() + self._relay.timeout

    def send(self, *, envelope: Envelope, message: bytes, guard: Guard, deadline: float) -> Report:
        """One transaction. No fault of the network raises.

        `message` is a complete RFC 5322 message with CRLF line ends, its dots not stuffed. All
        transactions of one attempt have the same `deadline`, the opening of a connection included;
        it does not cover the wait for the final reply.
        """
        if not self._interrupt.begin():
            return Report(Event.GIVEN_BACK, Phase.CONNECT)
        self.timeline.clear()
        outgoing = prepare(message)
        while True:
            reused = self._is_reusable()
            ticket = None if reused else self._take_ticket()
            try:
                return self._transact(envelope, outgoing, guard, deadline, ticket)
            except EndedError as ended:
                self._drop()
                # Neither is a new attempt, and either comes once: a connection gone while it was
                # idle leaves one to open, and the next handshake has no ticket to be refused.
                refused = ticket is not None and ended.report.event is Event.TLS_FAILED
                if not (refused or (reused and ended.unused)):
                    return ended.report
            except BaseException:
                self._drop()  # a defect of ours: nobody knows what the relay waits for
                raise

    def abort(self) -> None:
        """Have the send that is under way given back, unless its final dot is written."""
        self._interrupt.abort()

    def give_up(self) -> None:
        """Have it end now, also while it waits for the final reply: that is a TIMEOUT."""
        self._interrupt.give_up()

    def close(self) -> None:
        """Say good-bye to the relay without waiting for its answer."""
        self._drop(politely=True)

    def _take_ticket(self) -> Ticket | None:
        """For one use (RFC 8446 appendix C.4): gone if the opening fails."""
        ticket, self._ticket = self._ticket, None
        return ticket if ticket is not None and ticket.is_fresh else None

    def _transact(
        self,
        envelope: Envelope,
        outgoing: Outgoing,
        guard: Guard,
        deadline: float,
        ticket: Ticket | None,
    ) -> Report:
        session = self._session
        if session is None:
            session = self._session = open_session(
                relay=self._relay,
                interrupt=self._interrupt,
                deadline=deadline,
                timeline=self.timeline,
                ticket=ticket,
            )
        session.wire.deadline = deadline
        transaction = Transaction(
            session=session, envelope=envelope, outgoing=outgoing, guard=guard
        )
        report = transaction.run()
        session.used_at = time.monotonic()
        return report

    def _is_reusable(self) -> bool:
        """Whether the open connection may be used; one that may not is closed."""
        session = self._session
        if session is None:
            return False
        now = time.monotonic()
        fresh = (
            session.messages < _MOST_MESSAGES
            and now - session.opened_at < _LONGEST_AGE
            and now - session.used_at < _LONGEST_IDLE
        )
        if fresh and not session.wire.has_gone():
            return True
        self._drop(politely=True)
        return False

    def _drop(self, *, politely: bool = False) -> None:
        if self._session is not None:
            self._ticket = self._session.wire.ticket
            self._session.close(politely=politely)
            self._session = None
