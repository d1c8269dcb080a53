"""How long a mail takes to the relay, and what the service costs while it has nothing to do.

From the moment before a producer hands a mail over until the relay has its last byte, one mail at a
time: at rest; login codes behind notifications that fill the stream; login codes while the relay
answers no notification. The last two are set against the first. Then the CPU time of each process
over some idle seconds.
"""

import argparse
import asyncio
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.deployment import CONSUMER, WEB, WORKERS, deploy, relay_at
from bench.load import quantile_ms
from bench.mails import Mail
from bench.relay import Count, Relay
from bench.servers import Servers, run_with_servers
from bench.session import BenchError, add_folder
from deliveries.producer import LoginCode, LoginCodeClient
from mailproject.embedded.child import Child
from mailproject.embedded.ports import LOOPBACK

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.02  # between two mails: the first must be on record before the second counts
_READY_SECONDS = 1.0
_FOREVER = 3600.0
_CODES_AT = b"codes.example.org"


@dataclass
class Arrivals(Count):
    """When each address's mail had come, by the monotonic clock."""

    taken: int = 0
    at: dict[str, float] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, recipient: bytes) -> int:
        with self.changed:
            self.at[recipient.decode()] = time.monotonic()
            self.changed.notify_all()
        return super().take(recipient)

    def await_mail(self, recipient: str) -> float:
        with self.changed:
            if not self.changed.wait_for(lambda: recipient in self.at, _PATIENCE_SECONDS):
                raise BenchError("a mail did not come")
            return self.at[recipient]


class StallingRelay(Relay):
    """Answers login codes only: whoever sends anything else waits for its final reply."""

    def _thinking(self) -> float:
        return 0.0 if self._recipient.endswith(_CODES_AT) else _FOREVER


@contextmanager
def watch_arrivals(relay: type[Relay]) -> Iterator[tuple[int, Arrivals]]:
    """A relay in a thread of this process, whose clock is then the producer's. Yields its port."""
    arrivals, loop = Arrivals(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay")
    thread.start()

    async def listen() -> asyncio.Server:
        return await loop.create_server(
            lambda: relay(count=arrivals, late=0.0, dot=0.0, context=None), LOOPBACK, 0
        )

    try:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
        yield server.sockets[0].getsockname()[1], arrivals
        loop.call_soon_threadsafe(server.close)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True, slots=True)
class Case:
    """One running service, and the mails that are handed to it one by one."""

    servers: Servers
    arrivals: Arrivals
    login_codes: LoginCodeClient
    children: Sequence[Child]

    def notify(self, count: int) -> list[float]:
        return self._hand_over(count, "reader-{}@example.org", self._publish)

    def log_in(self, count: int) -> list[float]:
        def post(email: str) -> None:
            code = LoginCode(email=email, code=f"{secrets.randbelow(10**6):06}", locale="en")
            self.login_codes.post(code, idempotency_key=email)

        return self._hand_over(count, f"{{}}@{_CODES_AT.decode()}", post)

    def _publish(self, recipient: str) -> None:
        """Put one notification on the stream, as `bench.mails` makes them."""
        mail = Mail(secrets.randbelow(10**9) + 10**9)
        entry = mail.entry()
        entry["payload_json"] = entry["payload_json"].replace(mail.recipient, recipient)
        self.servers.publish(entry)

    def _hand_over(self, count: int, address: str, send: Callable[[str], None]) -> list[float]:
        """The seconds of each, sorted."""
        took = []
        for _ in range(count):
            recipient = address.format(secrets.token_hex(4))
            begun = time.monotonic()
            send(recipient)
            took.append(self.arrivals.await_mail(recipient) - begun)
            self.servers.interruption.sleep(_PAUSE_SECONDS)
        return sorted(took)

    def idle_percent(self, seconds: float) -> dict[str, float]:
        """The share of a core that each process takes while nothing comes."""
        before = {child.name: _cpu_seconds(child.process.pid) for child in self.children}
        self.servers.interruption.sleep(seconds)
        return {
            child.name: 100 * (_cpu_seconds(child.process.pid) - before[child.name]) / seconds
            for child in self.children
        }


@contextmanager
def run_case(
    servers: Servers, name: str, relay: type[Relay] = Relay, *, waiting: int = 0
) -> Iterator[Case]:
    """The service on a database of its own, with so many notifications on its stream from the
    start.
    """
    with watch_arrivals(relay) as (port, arrivals):
        # nobody waits longer for a relay that stalls
        variables = {**relay_at(port), "MAIL_SHUTDOWN_TIMEOUT": "5s"}
        with deploy(servers, name, variables) as service:
            service.manage("migrate")
            servers.fill_stream(Mail(number).entry() for number in range(waiting))
            service.start(WEB, *WORKERS, CONSUMER)
            with closing(LoginCodeClient(service.url)) as login_codes:
                servers.interruption.sleep(_READY_SECONDS)
                yield Case(servers, arrivals, login_codes, service.children)


def _cpu_seconds(pid: int) -> float:
    """Of the process and the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def report(name: str, took: list[float], *, rest: list[float] | None = None) -> None:
    p50, p99 = quantile_ms(took, 0.5), quantile_ms(took, 0.99)
    beside = f"   p99 is {p99 / quantile_ms(rest, 0.99):.1f} times that at rest" if rest else ""
    print(f"{name:<38} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms{beside}", flush=True)


def measure(servers: Servers, *, count: int, waiting: int, idle: float) -> None:
    with run_case(servers, "rest") as case:
        case.notify(10)
        report("notifications at rest", case.notify(count))
        case.log_in(10)
        rest = case.log_in(count)
        report("login codes at rest", rest)
        shares = case.idle_percent(idle)
    with run_case(servers, "backlog", waiting=waiting) as case:
        took = case.log_in(count)
        left = waiting + count - case.arrivals.taken
        if left <= 0:
            raise BenchError("the notifications were sent before the login codes: more are needed")
        report(f"login codes behind {waiting} others", took, rest=rest)
    with run_case(servers, "stall", StallingRelay, waiting=waiting) as case:
        report("login codes, others stalled", case.log_in(count), rest=rest)
    each = "   ".join(f"{name} {share:.2f} %" for name, share in shares.items())
    print(f"idle, of a core: {each}   together {sum(shares.values()):.2f} %")


def main(arguments: list[str]) -> int:
    """Exit status 0 when every mail came."""
    parser = argparse.ArgumentParser(prog="python -m bench latency", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="mails of each kind")
    parser.add_argument("--waiting", type=int, default=30_000, help="notifications on the stream")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds of idleness")
    add_folder(parser)
    options = parser.parse_args(arguments)

    def work(servers: Servers) -> int:
        measure(servers, count=options.count, waiting=options.waiting, idle=options.idle)
        return 0

    return run_with_servers(options.folder, work)
