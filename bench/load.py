"""HTTP/1.1 load from one thread: so many connections, each with one request under way at a time.

    python -m bench.load --port 8080 --connections 16 --seconds 5 --get /empty --login r1

With both kinds, one after the other over the same connections: gunicorn's workers share connections
unevenly, and so both meet the same share. Prints JSON by kind: answers a second, milliseconds at
quantiles, and with `--samples` the seconds of each answer. Requests are made beforehand or cheap to
make, so that the load takes little of the machine from the service.
"""

import argparse
import itertools
import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator

HOST = "127.0.0.1"
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Caller:
    """One connection: sends a request, waits for the whole answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._sent_at = 0.0

    def send(self, request: bytes) -> None:
        self._received = b""
        self._sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> tuple[int, float] | None:
        """The status and the seconds that it took, once the answer is complete."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the service closed a connection")
        self._received += data
        head, found, body = self._received.partition(_HEAD_END)
        if not found or len(body) < _length(head):
            return None
        return int(head[9:12]), time.perf_counter() - self._sent_at


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(_LENGTH) + len(_LENGTH)
    return int(lower[start : start + 12].split(b"\r\n", 1)[0])


class Load:
    """Connections that stay open from one measurement to the next."""

    def __init__(self, *, port: int, connections: int) -> None:
        self._callers = [Caller(port) for _ in range(connections)]
        self._selector = selectors.DefaultSelector()
        for caller in self._callers:
            self._selector.register(caller.socket, selectors.EVENT_READ, caller)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for caller in self._callers:
            caller.socket.close()

    def measure(
        self, requests: Iterator[bytes], *, seconds: float, expected: int
    ) -> tuple[float, list[float]]:
        """Keep every connection busy for so long; answers a second, the seconds of each, sorted.

        Raises ValueError for any answer but the expected one. Nothing is under way at its end.
        """
        took: list[float] = []
        begun = time.perf_counter()
        for caller in self._callers:
            caller.send(next(requests))
        under_way = len(self._callers)
        while under_way:
            for key, _ in self._selector.select():
                answer = key.data.receive()
                if answer is None:
                    continue
                status, duration = answer
                if status != expected:
                    raise ValueError(f"answered {status}, should be {expected}")
                took.append(duration)
                if time.perf_counter() < begun + seconds:
                    key.data.send(next(requests))
                else:
                    under_way -= 1
        return len(took) / (time.perf_counter() - begun), sorted(took)


def quantile_ms(took: list[float], share: float) -> float:
    """Of sorted seconds, in ms."""
    return 1000 * took[int(len(took) * share)]


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def login_codes(prefix: str) -> Iterator[bytes]:
    """Posts of login codes, each with a key of its own."""
    for number in itertools.count():
        body = f'{{"email":"r{number}@example.org","code":"{number:06}","locale":"en"}}'
        yield (
            "POST /api/v1/internal/login-code-deliveries HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\n"
            f"Idempotency-Key: {prefix}-{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--login", metavar="PREFIX", help="post login codes with such keys")
    parser.add_argument("--get", metavar="PATH", help="ask for this path")
    parser.add_argument("--samples", action="store_true", help="tell every answer's seconds too")
    options = parser.parse_args()
    kinds: dict[str, tuple[Iterator[bytes], int]] = {}
    if options.get:
        kinds["get"] = (itertools.repeat(get(options.get)), 200)
    if options.login:
        kinds["login"] = (login_codes(options.login), 202)
    found = {}
    with Load(port=options.port, connections=options.connections) as load:
        for kind, (requests, expected) in kinds.items():
            rate, took = load.measure(requests, seconds=options.seconds, expected=expected)
            found[kind] = {
                "rate": rate,
                "p50_ms": quantile_ms(took, 0.5),
                "p99_ms": quantile_ms(took, 0.99),
            } | ({"samples": took} if options.samples else {})
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
