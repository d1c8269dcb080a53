"""One HTTP request and its answer, over within an absolute deadline.

`http.client` writes and parses. Its timeout is per read, which a server that sends a byte now and
then outlasts: so the socket under it waits no longer than what is left of the deadline. Resolving
the host's name is the one thing that no deadline can interrupt.
"""

import http.client
import io
import os
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LONGEST_ANSWER = 64 * 1024
# below the fifteen seconds after which the service closes an idle connection
_LONGEST_IDLE = 10.0
_MOST_IDLE = 32
_CLOSED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)

FAULTS = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the service listens. `prefix` is a path before its own, usually ""."""

    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str, *, tls: ssl.SSLContext | None) -> "Endpoint":
        """Certificates are verified by the system's CAs, unless `tls` says otherwise.

        Raises ValueError for what is not a plain http or https URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("cannot be read") from None  # the error's own text holds a part of it
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("needs http:// or https:// and a host")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("has more than a scheme, a host, a port and a path")
        prefix = parts.path.rstrip("/")
        if parts.scheme == "http":
            return cls(parts.hostname, port or 80, prefix, None)
        context = tls or ssl.create_default_context()
        return cls(parts.hostname, port or 443, prefix, context)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: str | None
    body: bytes = field(repr=False)


class Exchanges:
    """Exchanges with one endpoint; connections are kept for the next one. Threads may share it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._idle: deque[tuple[int, float, _Connection]] = deque()

    def post(
        self, path: str, *, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> Answer:
        """One POST, over by `deadline` of the monotonic clock. Redirects are not followed.

        A kept connection that the server has closed meanwhile is replaced by a new one, which sends
        the same again: fit for requests that may be repeated. After a fault of one that was kept
        the others are not tried either: what ended it has probably ended them. Raises one of
        FAULTS.
        """
        kept = self._kept()
        if kept is not None:
            try:
                return self._exchange(kept, path, body, headers, deadline)
            except _CLOSED:
                self.close()
            except FAULTS:
                self.close()
                raise
        return self._exchange(self._open(deadline), path, body, headers, deadline)

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[2].close()

    def _exchange(
        self,
        connection: "_Connection",
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        deadline: float,
    ) -> Answer:
        connection.socket.deadline = deadline
        try:
            connection.request("POST", self._endpoint.prefix + path, body=body, headers=headers)
            response = connection.getresponse()
            body = _read(response)
        except BaseException:
            connection.close()
            raise
        if response.isclosed() and not response.will_close and len(self._idle) < _MOST_IDLE:
            self._idle.append((os.getpid(), time.monotonic(), connection))
        else:
            connection.close()
        return Answer(response.status, response.getheader("Retry-After"), body)

    def _kept(self) -> "_Connection | None":
        """The latest that is fresh. One from before a fork is the parent's."""
        while True:
            try:
                pid, since, connection = self._idle.pop()
            except IndexError:
                return None
            if pid == os.getpid() and time.monotonic() - since < _LONGEST_IDLE:
                return connection
            connection.close()

    def _open(self, deadline: float) -> "_Connection":
        """Of the host's addresses, the first that answers in its share of the time."""
        endpoint = self._endpoint
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        for place, (family, kind, protocol, _, address) in enumerate(found):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(_left(deadline) / (len(found) - place))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if endpoint.tls is not None:
                    sock.settimeout(_left(deadline))
                    sock = endpoint.tls.wrap_socket(sock, server_hostname=endpoint.host)
            except OSError:
                sock.close()
                if place == len(found) - 1:
                    raise
            else:
                return _Connection(endpoint, _DeadlineSocket(sock))
        raise OSError("the host has no address")


def _read(response: http.client.HTTPResponse) -> bytes:
    """The body, cut at the longest that is taken. Raises IncompleteRead, which `read` does not."""
    body = response.read(_LONGEST_ANSWER)
    if response.length and len(body) < _LONGEST_ANSWER:
        raise http.client.IncompleteRead(b"")
    return body


class _Connection(http.client.HTTPConnection):
    """Speaks over a socket that is open already, and opens none itself."""

    auto_open = 0

    def __init__(self, endpoint: Endpoint, sock: "_DeadlineSocket") -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.socket = sock
        self.sock = sock


class _DeadlineSocket:
    """What `http.client` uses of a socket; past its deadline every wait is a TimeoutError."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.deadline = 0.0

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self.deadline))
        self._sock.sendall(data)

    def receive(self, buffer: memoryview) -> int:
        self._sock.settimeout(_left(self.deadline))
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Answering(self))

    def close(self) -> None:
        self._sock.close()


class _Answering(io.RawIOBase):
    """The bytes of one answer; closing it leaves the connection open."""

    def __init__(self, sock: _DeadlineSocket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._sock.receive(buffer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("out of time")
    return left
