"""An SMTP server that drops what it takes, in a process of its own: the cheapest relay there is.

`python -m bench.sink --listen-fd N`, with the listening socket inherited. No TLS, no AUTH. At
SIGTERM it prints how many messages it took.
"""

import argparse
import asyncio
import signal
import socket

from aiosmtpd.smtp import SMTP, Envelope, Session

TOOK = "messages taken: "


class Sink:
    """aiosmtpd's handler: counts."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle_EHLO(  # noqa: N802 - the name is aiosmtpd's
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        # true of aiosmtpd, which reads a line at a time from its buffer, but does not say so
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, _envelope: Envelope
    ) -> str:
        self.taken += 1
        return "250 2.0.0 dropped"


async def serve(listener: socket.socket) -> int:
    """Serve until SIGTERM; returns how many messages were taken."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    sink = Sink()
    server = await loop.create_server(
        lambda: SMTP(sink, hostname="localhost", ident="ESMTP sink", loop=loop), sock=listener
    )
    await stop.wait()
    server.close()
    return sink.taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen-fd", type=int, required=True)
    listener = socket.socket(fileno=parser.parse_args().listen_fd)
    print(f"{TOOK}{asyncio.run(serve(listener))}", flush=True)


if __name__ == "__main__":
    main()
