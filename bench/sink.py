"""An SMTP server that drops what it takes, in a process of its own: the cheapest relay there is.

`python -m bench.sink --listen-fd N`, with the listening socket inherited. It speaks the least of
RFC 5321 that a client needs, with PIPELINING (RFC 2920), and no TLS or AUTH. At SIGTERM it prints
how many messages it took.
"""

import argparse
import asyncio
import signal
import socket
from typing import cast

TOOK = "messages taken: "
_END_OF_MESSAGE = b"\r\n.\r\n"
_EHLO = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
_REPLIES = {b"EHLO": _EHLO, b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}
_OK = b"250 2.0.0 ok\r\n"


class Count:
    """How many messages all connections took."""

    def __init__(self) -> None:
        self.taken = 0


class Session(asyncio.Protocol):
    """One connection: either between commands or inside a message."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._unread = b""
        self._in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        replies: list[bytes] = []
        while self._take_message(replies) if self._in_message else self._take_command(replies):
            pass
        if replies:
            self._transport.write(b"".join(replies))

    def _take_command(self, replies: list[bytes]) -> bool:
        line, end, rest = self._unread.partition(b"\r\n")
        if not end:
            return False
        self._unread = rest
        verb = line[:4].upper()
        replies.append(_REPLIES.get(verb, _OK))
        self._in_message = verb == b"DATA"
        return True

    def _take_message(self, replies: list[bytes]) -> bool:
        _, end, rest = self._unread.partition(_END_OF_MESSAGE)
        if not end:
            return False
        self._unread, self._in_message = rest, False
        self._count.taken += 1
        replies.append(_OK)
        return True


async def serve(listener: socket.socket) -> int:
    """Serve until SIGTERM; returns how many messages were taken."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    count = Count()
    server = await loop.create_server(lambda: Session(count), sock=listener)
    await stop.wait()
    server.close()
    return count.taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen-fd", type=int, required=True)
    listener = socket.socket(fileno=parser.parse_args().listen_fd)
    print(f"{TOOK}{asyncio.run(serve(listener))}", flush=True)


if __name__ == "__main__":
    main()
