"""A socket with one absolute deadline for everything that is read and written."""

import select
import socket
import ssl

from deliveries.attempt.smtp.replies import ProtocolError, find_end
from deliveries.attempt.smtp.waiting import Interrupt, Waiter

_READ = 65536
_MOST_UNREAD = 4 * _READ


class Wire:
    """Reads replies and writes bytes; a relay that drips cannot stretch `deadline`.

    Raises TimeoutError past the deadline, another OSError when the link is lost, ProtocolError for
    what is no reply, CutError when called away.
    """

    def __init__(self, *, sock: socket.socket, interrupt: Interrupt) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._tls: ssl.SSLSocket | None = None
        self._waiter = Waiter(fd=sock.fileno(), interrupt=interrupt)
        self._received = b""
        self.deadline = 0.0

    def read(self) -> bytes:
        """One complete reply."""
        while not self._received or (end := find_end(self._received)) < 0:
            if self._tls is None or not self._tls.pending():
                self._waiter.wait(events=select.POLLIN, deadline=self.deadline)
            self._receive()
        received = self._received
        if end == len(received):
            self._received = b""
            return received
        self._received = received[end:]
        return received[:end]

    def ask(self, commands: bytes) -> None:
        """Write commands, whose replies are read next.

        What the relay said before it was asked answers none of them and would be taken for it; but
        a 421 is a good-bye, and is left to be read instead.
        """
        if not self._received:
            self.write(commands)
        elif not self._received.startswith(b"421"):
            raise ProtocolError("a reply without a command")

    def write(self, data: bytes) -> None:
        """Hand all of it to the kernel.

        A connection that is lost shows when the answer is read: it may have left a reply.
        """
        left = data
        try:
            while (taken := self.take(left)) < len(left):
                left = left[taken:]
                self.wait_to_write()
        except (ConnectionError, ssl.SSLEOFError):
            return

    def take(self, data: bytes | memoryview) -> int:
        """How much of it the kernel takes at once, which may be nothing.

        After nothing, under TLS, the same bytes must be offered again.
        """
        try:
            return self._sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0

    def wait_to_write(self) -> None:
        """Until the kernel takes more, or the relay has said something instead."""
        ready = self._waiter.wait(events=select.POLLIN | select.POLLOUT, deadline=self.deadline)
        if not ready & select.POLLOUT:
            self._receive()

    @property
    def has_unread(self) -> bool:
        return bool(self._received)

    def has_gone(self) -> bool:
        """Whether the idle relay has closed, or said something that nobody asked for."""
        if self._received:
            return True
        if not self._waiter.is_readable():
            return False
        try:
            self._receive()
        except OSError:
            return True
        return self.has_unread  # nothing yet: a record of TLS's own

    def upgrade(self, *, context: ssl.SSLContext, host: str) -> None:
        """Go on under TLS. Raises ssl.SSLError, and what waiting raises."""
        self._sock = self._tls = context.wrap_socket(
            self._sock, server_hostname=host, do_handshake_on_connect=False
        )
        while True:
            try:
                return self._tls.do_handshake()
            except ssl.SSLWantReadError:
                events = select.POLLIN
            except ssl.SSLWantWriteError:
                events = select.POLLOUT
            self._waiter.wait(events=events, deadline=self.deadline)

    def close(self) -> None:
        self._sock.close()

    def _receive(self) -> None:
        """What has come, if anything has."""
        try:
            data = self._sock.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        if not data:
            raise ConnectionResetError("closed by the relay")
        self._received = self._received + data if self._received else data
        if len(self._received) > _MOST_UNREAD:
            raise ProtocolError("more replies than commands")
