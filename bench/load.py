"""HTTP/1.1 load from one thread: so many connections, each with one request under way at a time.

    python -m bench.load --port 8080 --connections 16 --seconds 5 --kind login

Prints JSON: answers a second, milliseconds at quantiles, and with `--samples` the seconds of each.
Requests are made beforehand or cheap to make, so that the load takes little of the machine from the
service.
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

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection((HOST, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._received = b""
        self._sent_at = 0.0

    def send(self) -> None:
        self._received = b""
        self._sent_at = time.perf_counter()
        self.socket.sendall(next(self._requests))

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


def run(
    *, port: int, connections: int, seconds: float, requests: Iterator[bytes], expected: int
) -> tuple[float, list[float]]:
    """Keep every connection busy for so long; answers a second, and the seconds of each, sorted.

    Raises ValueError for any answer but the expected one.
    """
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        callers = [Caller(port, requests) for _ in range(connections)]
        for caller in callers:
            selector.register(caller.socket, selectors.EVENT_READ, caller)
            caller.send()
        begun = time.perf_counter()
        while (now := time.perf_counter()) < begun + seconds:
            for key, _ in selector.select(1.0):
                answer = key.data.receive()
                if answer is None:
                    continue
                status, duration = answer
                if status != expected:
                    raise ValueError(f"answered {status}, should be {expected}")
                took.append(duration)
                key.data.send()
        for caller in callers:
            caller.socket.close()
    return len(took) / (now - begun), sorted(took)


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
    requests = (
        itertools.repeat(get(options.get)) if options.get else login_codes(options.login or "k")
    )
    rate, took = run(
        port=options.port,
        connections=options.connections,
        seconds=options.seconds,
        requests=requests,
        expected=200 if options.get else 202,
    )
    found: dict[str, float | list[float]] = {
        "rate": rate,
        "p50_ms": quantile_ms(took, 0.5),
        "p99_ms": quantile_ms(took, 0.99),
    }
    print(json.dumps(found | ({"samples": took} if options.samples else {})))
    return 0


if __name__ == "__main__":
    sys.exit(main())
