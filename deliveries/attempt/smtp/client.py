"""The client of one thread: a connection opened when needed, used again, and given up in time."""

import socket
import threading
import time
from dataclasses import replace

from deliveries.attempt.smtp.relay import Relay
from deliveries.attempt.smtp.session import EndedError, Session
from deliveries.attempt.smtp.transaction import Envelope, Guard, Transaction
from deliveries.outcome.report import Event, Report
from deliveries.states import Phase

_MOST_MESSAGES = 100
_LONGEST_AGE = 60.0
_LONGEST_IDLE = 5.0
_GONE = frozenset({Event.CONNECTION_LOST, Event.REPLY})


class Client:
    """Sends one message after the other. `send` reports whatever the network does.

    `abort` and `give_up` may be called from another thread.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._session: Session | None = None
        self._transaction: Transaction | None = None
        self._lock = threading.Lock()
        self._aborted = False
        self._given_up = False

    def send(self, *, envelope: Envelope, message: bytes, guard: Guard) -> Report:
        """One transaction, within the relay's budget for an attempt."""
        deadline = time.monotonic() + self._relay.timeout
        reused = self._reusable()
        report = self._try(envelope, message, guard, deadline)
        if reused and _died_unused(report):
            # it had gone while it was idle: one new connection is no new attempt
            report = self._try(envelope, message, guard, deadline)
        if self._aborted and not report.final_dot_written and report.event in _CUT:
            return Report(Event.GIVEN_BACK, report.phase)
        if self._given_up and report.final_dot_written:
            return replace(report, event=Event.TIMEOUT)
        return report

    def abort(self) -> None:
        """Give the send that is under way back, unless its last bytes are written."""
        with self._lock:
            self._aborted = True
            if self._transaction is None or not self._transaction.final_dot_written:
                self._cut()

    def give_up(self) -> None:
        """Wait no longer for anything; a final reply that has not come counts as timed out."""
        with self._lock:
            self._aborted = self._given_up = True
            self._cut()

    def close(self) -> None:
        if self._session is not None:
            self._session.close(politely=True)
            self._session = None

    def _cut(self) -> None:
        wire = getattr(self._session, "wire", None)
        if wire is not None:
            try:
                wire.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                wire.close()  # not connected any more

    def _try(self, envelope: Envelope, message: bytes, guard: Guard, deadline: float) -> Report:
        session = self._session
        try:
            if session is None:
                session = self._session = Session(self._relay)
                session.open(deadline)
            session.wire.deadline = deadline
            transaction = Transaction(session=session, envelope=envelope, guard=guard)
            with self._lock:
                self._transaction = transaction
            report = transaction.run(message)
        except EndedError as ended:
            self._drop()
            return ended.report
        session.messages += 1
        session.used_at = time.monotonic()
        return report

    def _reusable(self) -> bool:
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
        if fresh and not session.wire.is_readable():
            return True
        self._drop(politely=not fresh)
        return False

    def _drop(self, *, politely: bool = False) -> None:
        if self._session is not None:
            self._session.close(politely=politely)
            self._session = None


_CUT = frozenset({Event.CONNECTION_LOST, Event.TIMEOUT, Event.CONNECT_FAILED, Event.GIVEN_BACK})


def _died_unused(report: Report) -> bool:
    """Whether a connection ended before it took anything of this message."""
    if report.phase is not Phase.MAIL or report.event not in _GONE:
        return False
    return report.reply is None or report.reply.code == 421
