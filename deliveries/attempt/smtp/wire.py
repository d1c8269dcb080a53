"""A socket with one absolute deadline for everything that is read and written."""

import socket
import ssl
import time

from deliveries.attempt.smtp.replies import (
    LONGEST_LINE,
    MOST_LINES,
    ProtocolError,
    join_reply,
    parse_line,
)
from deliveries.outcome.report import Reply

_CHUNK = 65536


class Wire:
    """Reads replies and writes bytes; a relay that drips cannot stretch the deadline.

    Raises TimeoutError past the deadline, ConnectionError or OSError when the link is lost, and
    ProtocolError for what is no reply.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.deadline = 0.0
        self._buffer = bytearray()

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._arm()
            view = view[self.sock.send(view[:_CHUNK]) :]

    def read_reply(self) -> Reply:
        return self.read_lines()[0]

    def read_lines(self) -> tuple[Reply, list[bytes]]:
        """One reply, and the texts of its lines as they came."""
        texts: list[bytes] = []
        first = 0
        while len(texts) < MOST_LINES:
            code, last, text = parse_line(self._read_line())
            if texts and code != first:
                raise ProtocolError
            first = code
            texts.append(text)
            if last:
                return join_reply(code, texts), texts
        raise ProtocolError

    @property
    def has_unread(self) -> bool:
        return bool(self._buffer)

    def is_readable(self) -> bool:
        """Whether the idle relay has said something, or has gone: no connection to use again."""
        if self._buffer:
            return True
        try:
            self.sock.settimeout(0)
            return isinstance(self.sock.recv(1), bytes)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True

    def upgrade(self, context: ssl.SSLContext, host: str) -> None:
        """TLS on this connection. Raises ssl.SSLError, and what reading raises."""
        self._arm()
        self.sock = context.wrap_socket(self.sock, server_hostname=host)

    def close(self) -> None:
        self.sock.close()

    def _read_line(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            if len(self._buffer) > LONGEST_LINE:
                raise ProtocolError
            searched = len(self._buffer)
            self._arm()
            received = self.sock.recv(_CHUNK)
            if not received:
                raise ConnectionResetError
            self._buffer += received
        if end > LONGEST_LINE:
            raise ProtocolError
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
