"""gunicorn's threaded worker, with bounds in time and with answers like all others of the API.

Without these bounds a connection that sends nothing holds a thread for five seconds, one that sends
a byte now and then holds it for ever, and what cannot be parsed is answered in HTML.
"""

import json
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any

from django.conf import settings
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from deliveries.http.problems import MEDIA_TYPE, Code, Problem

if TYPE_CHECKING:
    from deliveries.process.listener.presence import Presence

logger = logging.getLogger(__name__)

# From the first byte of a request to the last one.
_RECEIVE_SECONDS = 10.0
_STATUS: dict[type[Exception], tuple[int, str]] = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}
_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)

Start = Callable[..., Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


class ApiWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A connection gets a thread only while it has something to say."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.wsgi: Any = None
        self.presence: Presence | None = None
        self._receiving = Receiving()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application: Application = self.wsgi
        self.wsgi = Received(application, receiving=self._receiving)

    def init_signals(self) -> None:
        super().init_signals()
        # Ctrl-C reaches the whole process group: the arbiter alone says what follows from it
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """At the end the listener is closed at once: its backlog takes nobody else."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.close()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection and wait in the poller, not in a thread, for its first byte."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.nr_conns += 1
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.timeout = time.monotonic() + _RECEIVE_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(client, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        with self._receiving.of(conn.sock):
            return super().handle(conn)

    def murder_pending(self) -> None:
        super().murder_pending()
        self._receiving.cut_off_late()

    def handle_error(self, _req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what never reached the application, and log it in one line."""
        status, reason = _status_of(exc)
        extra = {"status": status, "fault": type(exc).__name__, "remote_addr": (addr or ("",))[0]}
        if status == 500:
            logger.error("a request failed", extra=extra, exc_info=exc)
        else:
            logger.warning("request refused", extra=extra)
        try:
            client.settimeout(1.0)
            client.sendall(_raw_problem(status, reason))
        except OSError as error:
            logger.debug("client did not take the refusal", extra={"fault": type(error).__name__})


class Receiving:
    """The requests that are on their way in, and how long each may still take."""

    def __init__(self) -> None:
        self._until: dict[socket.socket, float] = {}
        self._mine = threading.local()

    def of(self, sock: socket.socket) -> "Receiving":
        self._mine.sock = sock
        self._until[sock] = time.monotonic() + _RECEIVE_SECONDS
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self.done()

    def done(self) -> None:
        """The request of this thread is in, or over."""
        self._until.pop(self._mine.sock, None)

    def cut_off_late(self) -> None:
        """End the connections whose time is over; a reader finds the end of the data."""
        now = time.monotonic()
        for sock, until in list(self._until.items()):
            if until <= now and self._until.pop(sock, None) is not None:
                try:
                    sock.shutdown(socket.SHUT_RD)
                except OSError as error:
                    logger.debug(
                        "connection closed before it was cut off",
                        extra={"fault": type(error).__name__},
                    )


class Received:
    """Reads a request's body, up to one byte more than is allowed, before the application starts.

    So the application waits for nobody, and a body without a length is like any other to it.
    """

    def __init__(self, application: Application, *, receiving: Receiving) -> None:
        self._application = application
        self._receiving = receiving
        self._most = settings.MAIL.internal_http_max_body_bytes + 1

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or None
        try:
            body = environ["wsgi.input"].read(self._most)
            broken = length is not None and len(body) < min(int(length), self._most)
        except (OSError, ValueError, errors.ParseException, EOFError) as error:
            logger.debug("request body ended early", extra={"fault": type(error).__name__})
            broken = True
        self._receiving.done()
        if broken:
            return _refuse(start_response)
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return self._application(environ, start_response)


def _refuse(start_response: Start) -> Iterable[bytes]:
    problem = Problem(Code.INVALID_REQUEST, "the body ended early, or cannot be read")
    body = json.dumps(problem.as_json()).encode()
    start_response(
        "400 Bad Request",
        [
            ("Content-Type", MEDIA_TYPE),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ],
    )
    return [body]


def _status_of(error: Exception) -> tuple[int, str]:
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    if isinstance(error, errors.ParseException) and not isinstance(error, _OURS):
        return 400, "Bad Request"
    return 500, "Internal Server Error"


def _raw_problem(status: int, reason: str) -> bytes:
    code = Code.INTERNAL_ERROR if status == 500 else Code.INVALID_REQUEST
    members = {
        "type": "about:blank",
        "title": reason,
        "status": status,
        "code": code.value,
        "detail": "the request cannot be read",
    }
    body = json.dumps(members).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
