"""The cheapest relay there is: takes mail, drops it, and answers as late as it is told to.

`python -m bench.relay --listen-fd N`, with the listening socket inherited. It looks at no address
and keeps nothing, so that a client's time is its own. At SIGTERM it prints how many messages it
took.
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import ssl

_END = b"\r\n.\r\n"
_KEYWORDS = ("bench", "PIPELINING", "SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES")
_ANSWERS = {
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"250 2.1.5 ok\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"RSET": b"250 2.0.0 ok\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
_TAKEN = b"250 2.0.0 dropped as %012d\r\n"  # no two are alike, as with any relay


class Count:
    """How many messages all connections took."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, recipient: bytes) -> int:  # noqa: ARG002 - for who wants to know whose it is
        """One more for `recipient`; which one it is."""
        self.taken += 1
        return self.taken


class Relay(asyncio.Protocol):
    """One connection. `late` is the round trip, `dot` the time to think about a message."""

    def __init__(
        self, *, count: Count, late: float, dot: float, context: ssl.SSLContext | None
    ) -> None:
        self._count = count
        self._late = late
        self._dot = dot
        self._context = context
        self._received = b""
        self._in_message = False
        self._recipient = b""  # of this message, the last one
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport
        self._upgrade: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        if self._upgrade is None:
            self._answer(b"220 bench ESMTP\r\n", self._late)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._in_message:
            self._take_message()
        elif self._upgrade is None or self._upgrade.done():
            self._hear_lines()

    def _hear_lines(self) -> None:
        answers = b""
        *lines, self._received = self._received.split(b"\r\n")
        for line in lines:
            answers += self._hear(line)
        if answers:
            self._answer(answers, self._late)

    def _hear(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            offered = list(_KEYWORDS)
            if self._context is not None and self._upgrade is None:
                offered.append("STARTTLS")
            lines = [f"250-{keyword}\r\n" for keyword in offered[:-1]]
            return "".join([*lines, f"250 {offered[-1]}\r\n"]).encode()
        if verb == b"STAR" and self._context is not None:
            self._transport.write(b"220 2.0.0 go ahead\r\n")
            self._upgrade = self._loop.create_task(self._start_tls(self._context))
            return b""
        if verb == b"RCPT":
            self._recipient = line.partition(b"<")[2].partition(b">")[0]
        self._in_message = verb == b"DATA"
        return _ANSWERS.get(verb, b"500 5.5.2 what\r\n")

    def _take_message(self) -> None:
        if self._received.endswith(_END):
            self._received = b""
            self._in_message = False
            number = self._count.take(self._recipient)
            self._answer(_TAKEN % number, self._late + self._thinking())

    def _thinking(self) -> float:
        """The seconds before it answers for a message."""
        return self._dot

    def _answer(self, answer: bytes, late: float) -> None:
        if late:
            self._loop.call_later(late, self._transport.write, answer)
        else:
            self._transport.write(answer)

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        with contextlib.suppress(OSError):
            transport = await self._loop.start_tls(self._transport, self, context, server_side=True)
            assert transport is not None
            self._transport = transport
            self._hear_lines()  # what came before the new transport was known here


async def serve(
    listener: socket.socket, *, late: float, dot: float, context: ssl.SSLContext | None
) -> int:
    """Serve until SIGTERM; returns how many messages were taken."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    count = Count()
    server = await loop.create_server(
        lambda: Relay(count=count, late=late, dot=dot, context=context), sock=listener
    )
    await stop.wait()
    server.close()
    return count.taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--round-trip-ms", type=float, default=0.0)
    parser.add_argument("--dot-ms", type=float, default=0.0)
    parser.add_argument("--certificate", help="PEM file with key: offers STARTTLS")
    options = parser.parse_args()
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    # With the protocol named, asyncio turns Nagle's delays off.
    listener = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=options.listen_fd
    )
    late, dot = options.round_trip_ms / 1000, options.dot_ms / 1000
    taken = asyncio.run(serve(listener, late=late, dot=dot, context=context))
    print(f"messages taken: {taken}", flush=True)


if __name__ == "__main__":
    main()
