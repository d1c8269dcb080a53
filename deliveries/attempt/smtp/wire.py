"""A socket with one absolute deadline for everything that is read and written."""

import contextlib
import os
import select
import socket
import ssl
import struct
from time import monotonic
from typing import NoReturn

from deliveries.attempt.smtp.replies import ProtocolError, find_end, find_short
from deliveries.attempt.smtp.tls import Ticket, TlsLayer
from deliveries.attempt.smtp.waiting import Interrupt, Waiter

_READ = 16384
_MOST_UNREAD = 16 * _READ
# How long one recv() may block. Most replies come within it and cost one system call; longer waits
# use poll(). An abort is noticed as late as this, never a deadline.
_SLICE = 0.1
_SLICE_OPTION = struct.pack("ll", 0, int(_SLICE * 1_000_000))


class Wire:
    """Reads replies and writes bytes; a relay that drips cannot stretch `deadline`.

    `received` is what has come and is not read yet.

    Raises TimeoutError past the deadline, another OSError when the link is lost, ProtocolError for
    what is not a reply, CutError when interrupted.
    """

    def __init__(self, *, sock: socket.socket, interrupt: Interrupt) -> None:
        # To Python the socket does not block, so that its errors are those of such a socket; to the
        # kernel a recv() blocks for a slice of time, and MSG_DONTWAIT keeps the rest from it.
        sock.settimeout(0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _SLICE_OPTION)
        os.set_blocking(sock.fileno(), True)
        self._sock = sock
        self._tls: TlsLayer | None = None
        self._waiter = Waiter(fd=sock.fileno(), interrupt=interrupt)
        self.received = b""
        self.deadline = 0.0

    def read(self) -> bytes:
        """One complete reply."""
        received = self.received or self._read_more()
        while (end := find_end(received)) < 0:
            received = self._read_more()
        self.received = received[end:]
        return received[:end]

    def read_some(self, most: int) -> list[bytes]:
        """One complete reply, or more that have come already, in order; `most` at the most."""
        replies = find_short(self.received or self._read_more())
        if replies and len(replies) <= most:
            self.received = b""
            return replies
        return [self.read()]

    def ask(self, commands: bytes) -> None:
        """Write commands, whose replies are read next.

        What the relay said before it was asked answers none of them and would be taken for it; but
        a 421 is a good-bye, and is left to be read instead.
        """
        if not self.received:
            self.write(commands)
        elif not self.received.startswith(b"421"):
            raise ProtocolError("a reply without a command")

    def write(self, data: bytes) -> None:
        """Hand all of it to the kernel.

        A connection that is lost shows when the answer is read: it may have left a reply.
        """
        try:
            while (taken := self.take(data)) < len(data):
                data = data[taken:]
                self.wait_to_write()
        except ConnectionError:
            return

    def take(self, data: bytes | memoryview) -> int:
        """How much of it the kernel takes at once, which may be nothing.

        Under TLS it is all or nothing, and after nothing the same bytes must be offered again.
        """
        tls = self._tls
        try:
            if tls is None:
                return self._sock.send(data, socket.MSG_DONTWAIT)
            outgoing = tls.outgoing or tls.encrypt(data)
            tls.outgoing = outgoing[self._sock.send(outgoing, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            return 0
        return 0 if tls.outgoing else len(data)

    def wait_to_write(self) -> None:
        """Until the kernel takes more, or the relay has said something instead."""
        ready = self._waiter.wait(events=select.POLLIN | select.POLLOUT, deadline=self.deadline)
        if not ready & select.POLLOUT:
            self._add(self._come())

    def has_gone(self) -> bool:
        """Whether the idle relay has closed, or said something that nobody asked for."""
        if self.received:
            return True
        if not self._waiter.is_readable():
            return False
        try:
            self._add(self._come())
        except OSError:
            return True
        if self._tls is not None and self._tls.has_ended:
            return True
        return bool(self.received)  # nothing yet: a record of TLS's own

    def upgrade(self, *, context: ssl.SSLContext, host: str, ticket: Ticket | None = None) -> None:
        """Go on under TLS. Raises ssl.SSLError, and what waiting raises."""
        tls = TlsLayer(context=context, host=host, ticket=ticket)
        try:
            while not tls.shake_hands():
                self._flush(tls)
                tls.feed(self._wait_for_more())
        finally:
            with contextlib.suppress(ConnectionError):
                self._flush(tls)  # the end of the handshake, or the reason why there is none
        self._tls = tls
        self._add(b"")  # a greeting may have come with the end of the handshake

    @property
    def ticket(self) -> Ticket | None:
        return self._tls.ticket if self._tls is not None else None

    def close(self) -> None:
        self._sock.close()

    def _read_more(self) -> bytes:
        """Wait for more, and return all that is not read yet, which may be the same as before."""
        tls = self._tls
        if tls is not None and tls.has_ended:
            _closed()
        try:
            in_time = self.deadline - monotonic() > _SLICE
            data = self._sock.recv(_READ) or _closed() if in_time else self._wait_for_more()
        except BlockingIOError:  # nothing came within a slice
            data = self._wait_for_more()
        if tls is not None or self.received:
            self._add(data)
        else:
            self.received = data
        return self.received

    def _add(self, data: bytes) -> None:
        if self._tls is not None:
            data = self._tls.decrypt(data)
        self.received = self.received + data if self.received else data
        if len(self.received) > _MOST_UNREAD:
            raise ProtocolError("more replies than commands")

    def _wait_for_more(self) -> bytes:
        """What comes next, as it is on the wire."""
        while True:
            self._waiter.wait(events=select.POLLIN, deadline=self.deadline)
            if data := self._come():
                return data

    def _come(self) -> bytes:
        """What has come, if anything has."""
        try:
            data = self._sock.recv(_READ, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""
        return data or _closed()

    def _flush(self, tls: TlsLayer) -> None:
        """Write what the handshake has to say."""
        while tls.outgoing:
            try:
                taken = self._sock.send(tls.outgoing, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._waiter.wait(events=select.POLLOUT, deadline=self.deadline)
            else:
                tls.outgoing = tls.outgoing[taken:]


def _closed() -> NoReturn:
    raise ConnectionResetError("closed by the relay")
