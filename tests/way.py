"""A way to a server that can be cut, by hand: `python -m tests.way --port 6000 --to HOST:PORT`.

A process that is given this address loses the server at Ctrl-C, and has it back at the next start.
"""

import argparse
import socket
import sys
import threading

from tests.surviving.proxy import Proxy


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.way",
        description="Forward connections to a server, from a port of the loopback address.",
    )
    parser.add_argument("--port", type=int, default=6000)
    parser.add_argument("--to", type=address, required=True, metavar="HOST:PORT")
    return parser


def main() -> None:
    options = make_parser().parse_args()
    with Proxy(lambda: socket.create_connection(options.to), port=options.port) as way:
        sys.stdout.write(f"127.0.0.1:{way.port}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
