"""From a name to a session that takes mail: connect, greeting, EHLO, STARTTLS, AUTH."""

import base64
import socket
import ssl
import threading
import time
from typing import Any

from deliveries.attempt.smtp.relay import Relay
from deliveries.attempt.smtp.replies import ProtocolError
from deliveries.attempt.smtp.wire import Wire
from deliveries.conf import TlsMode
from deliveries.outcome.report import Event, Reply, Report
from deliveries.states import Phase


class EndedError(Exception):
    """The dialogue is over, and the connection with it; carries what there is to report."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.event, report.phase)
        self.report = report


class Session:
    """One connection to the relay, in the phase that it has reached."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.phase = Phase.CONNECT
        self.keywords: dict[str, str] = {}
        self.opened_at = self.used_at = 0.0
        self.messages = 0
        self.wire: Wire

    def open(self, deadline: float) -> None:
        """Raises EndedError."""
        try:
            self._connect(deadline)
            if self.relay.tls is TlsMode.TLS:
                self._start_tls()
            self.phase = Phase.GREETING
            self._expect(self.wire.read_reply(), 220)
            self._ehlo()
            if self.relay.tls is TlsMode.STARTTLS:
                self._upgrade()
            if self.relay.username:
                self._authenticate()
        except (OSError, ProtocolError) as error:
            raise self.ended_by(error) from None
        self.opened_at = self.used_at = time.monotonic()

    def ended_by(self, error: Exception, **facts: Any) -> EndedError:
        """What an error of the link means in the phase that was reached."""
        if isinstance(error, ProtocolError):
            event = Event.PROTOCOL_ERROR
        elif isinstance(error, TimeoutError):
            event = Event.TIMEOUT
        elif isinstance(error, ssl.SSLError) and self.phase in {Phase.CONNECT, Phase.STARTTLS}:
            event, facts = Event.TLS_FAILED, {**facts, "detail": _reason(error)}
        elif isinstance(error, socket.gaierror):
            event = Event.DNS_FAILED
        else:
            event = Event.CONNECT_FAILED if self.phase is Phase.CONNECT else Event.CONNECTION_LOST
        return EndedError(Report(event, self.phase, **facts))

    def command(self, line: str) -> Reply:
        self.wire.write(f"{line}\r\n".encode())
        return self.wire.read_reply()

    def close(self, *, politely: bool = False) -> None:
        wire = getattr(self, "wire", None)
        if wire is None:
            return
        if politely:
            try:
                wire.deadline = time.monotonic() + 0.5
                wire.write(b"QUIT\r\n")
            except OSError:
                politely = False  # it is gone already
        wire.close()

    def _connect(self, deadline: float) -> None:
        found = _resolve(self.relay.host, self.relay.port, deadline)
        failure: OSError = ConnectionRefusedError()
        for family, kind, protocol, _, address in found:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(left)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.wire = Wire(sock)
            self.wire.deadline = deadline
            return
        raise failure

    def _expect(self, reply: Reply, code: int) -> Reply:
        if reply.code != code:
            raise EndedError(Report(Event.REPLY, self.phase, reply))
        return reply

    def _ehlo(self) -> None:
        self.phase = Phase.EHLO
        name = self.relay.helo_name
        self.wire.write(f"EHLO {name}\r\n".encode())
        reply, lines = self._read_keywords()
        self._expect(reply, 250)
        self.keywords = {}
        for line in lines[1:]:
            keyword, _, parameters = line.strip().partition(" ")
            self.keywords[keyword.upper()] = parameters

    def _read_keywords(self) -> tuple[Reply, list[str]]:
        reply, texts = self.wire.read_lines()
        return reply, [text.decode("ascii", "replace") for text in texts]

    def _upgrade(self) -> None:
        self.phase = Phase.STARTTLS
        if "STARTTLS" not in self.keywords:
            raise EndedError(Report(Event.STARTTLS_UNAVAILABLE, self.phase))
        reply = self.command("STARTTLS")
        if reply.code != 220:
            raise EndedError(Report(Event.STARTTLS_UNAVAILABLE, self.phase, reply))
        if self.wire.has_unread:
            # what was sent before the handshake would count as said after it
            raise EndedError(
                Report(Event.TLS_FAILED, self.phase, detail="bytes after the reply to STARTTLS")
            )
        self._start_tls()
        self._ehlo()

    def _start_tls(self) -> None:
        context = self.relay.ssl_context
        if context is None:
            raise ValueError("a relay with TLS needs a context")
        self.wire.upgrade(context, self.relay.host)

    def _authenticate(self) -> None:
        """One mechanism a try: PLAIN (RFC 4616) where offered, else LOGIN."""
        self.phase = Phase.AUTH
        offered = self.keywords.get("AUTH", "").upper().split()
        user, password = self.relay.username, self.relay.password
        if "PLAIN" in offered:
            reply = self.command("AUTH PLAIN " + _base64(f"\0{user}\0{password}"))
        elif "LOGIN" in offered:
            self._expect(self.command("AUTH LOGIN"), 334)
            self._expect(self.command(_base64(user)), 334)
            reply = self.command(_base64(password))
        else:
            raise EndedError(Report(Event.AUTH_UNAVAILABLE, self.phase))
        self._expect(reply, 235)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _reason(error: ssl.SSLError) -> str:
    """What OpenSSL says, without addresses."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return error.reason or "TLS failed"


def _resolve(host: str, port: int, deadline: float) -> list[Any]:
    """getaddrinfo within the deadline; it cannot be interrupted, so a thread is left to it."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answer.append(error)

    if _is_numeric(host):
        ask()
    else:
        thread = threading.Thread(target=ask, name="resolver", daemon=True)
        thread.start()
        thread.join(max(0.0, deadline - time.monotonic()))
    if not answer:
        raise TimeoutError
    if isinstance(answer[0], OSError):
        raise answer[0]
    found: list[Any] = answer[0]
    return found


def _is_numeric(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return False
    return True
