"""What telemetry costs: the end-to-end rate, exporting to a live collector, against none.

A round sends the same messages twice through fresh processes on a fresh database, once with both
exporters on and once with neither, and begins with the other one each time. Every command brings a
sampled `traceparent`, so every mail is traced; metrics go out every second. A round counts only if
the collector got every span.
"""

import argparse
import secrets
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from bench.deployment import relay_at, seconds_to_send
from bench.mails import Mail
from bench.receiver import start_receiver, start_sink
from bench.servers import Servers, run_with_servers
from bench.session import BenchError, add_folder
from mailproject.embedded.ports import LOOPBACK

_SPANS_A_MAIL = 2  # its acceptance and its attempt


class TracedMail(Mail):
    def entry(self) -> dict[str, str]:
        trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        return {**super().entry(), "traceparent": trace}


@dataclass(frozen=True, slots=True)
class Pair:
    """Messages a second."""

    silent: float
    exporting: float

    @property
    def cost(self) -> float:
        """The part of the rate that exporting takes, in percent."""
        return 100 * (1 - self.exporting / self.silent)


def run_pair(servers: Servers, number: int, mails: Sequence[Mail]) -> Pair:
    """Raises BenchError unless every mail was sent once and every span arrived."""
    rates: dict[bool, float] = {}
    for exporting in (True, False) if number % 2 else (False, True):
        name = f"round_{number}_{'otlp' if exporting else 'none'}"
        rates[exporting] = _rate(servers, name, mails, exporting=exporting)
    return Pair(silent=rates[False], exporting=rates[True])


def _rate(servers: Servers, name: str, mails: Sequence[Mail], *, exporting: bool) -> float:
    collector: AbstractContextManager[Mapping[str, str]] = (
        start_collector(servers, name, mails=len(mails)) if exporting else nullcontext({})
    )
    with start_sink(servers, name, expected=len(mails)) as port, collector as variables:
        seconds = seconds_to_send(servers, name, {**relay_at(port), **variables}, mails)
    return len(mails) / seconds


@contextmanager
def start_collector(servers: Servers, name: str, *, mails: int) -> Iterator[Mapping[str, str]]:
    """Yields what the service needs to export to it. Raises BenchError unless it took everything
    that sending so many mails has to tell.
    """
    with start_receiver(
        servers.folder, "bench.collector", log="collector", within=name
    ) as collector:
        yield {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{collector.port}",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        }
    spans, sent = collector.taken()
    if (spans, sent) != (_SPANS_A_MAIL * mails, mails):
        raise BenchError(f"the collector took {spans} spans and {sent} sent mails")


def measure(servers: Servers, mails: Sequence[Mail], *, rounds: int) -> None:
    done = []
    for number in range(1, rounds + 1):
        pair = run_pair(servers, number, mails)
        done.append(pair)
        print(f"round {number}: {_line(pair)}", flush=True)
    silent = statistics.median(pair.silent for pair in done)
    exporting = statistics.median(pair.exporting for pair in done)
    cost = statistics.median(pair.cost for pair in done)
    print(f"median : none {silent:7.1f}/s   otlp {exporting:7.1f}/s   cost {cost:5.1f} %")


def _line(pair: Pair) -> str:
    return f"none {pair.silent:7.1f}/s   otlp {pair.exporting:7.1f}/s   cost {pair.cost:5.1f} %"


def main(arguments: list[str]) -> int:
    """Exit status 0 when every message of every round was sent once, and every span arrived."""
    parser = argparse.ArgumentParser(prog="python -m bench telemetry", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="messages a run")
    parser.add_argument("--rounds", type=int, default=4)
    add_folder(parser)
    options = parser.parse_args(arguments)

    mails = [TracedMail(number) for number in range(options.count)]

    def work(servers: Servers) -> int:
        measure(servers, mails, rounds=options.rounds)
        return 0

    return run_with_servers(options.folder, work)
