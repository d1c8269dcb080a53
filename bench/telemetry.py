"""What telemetry costs: the end-to-end rate, exporting to a live collector, against none.

A round sends the same messages twice through fresh processes on a fresh database, once with both
exporters on and once with neither, and begins with the other one each time. Every command brings a
sampled `traceparent`, so every mail is traced; metrics go out every second. A round counts only if
the collector got every span.
"""

import argparse
import secrets
import socket
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.collector import COUNTED
from bench.end_to_end import STOP_SECONDS, Bench
from bench.mails import Mail
from bench.relay import TOOK
from bench.session import BenchError, add_folder, run_in_folder
from mailproject.embedded.child import start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interruption
from mailproject.embedded.ports import LOOPBACK
from mailproject.embedded.provision import ServiceDatabase
from mailproject.embedded.stack import CHECKOUT

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


class TelemetryBench(Bench):
    def measure(self, number: int) -> Pair:
        """Raises BenchError unless every mail was sent once and every span arrived."""
        self._mails = [TracedMail(mail.number) for mail in self._mails]
        rates: dict[bool, float] = {}
        for exporting in (True, False) if number % 2 else (False, True):
            rates[exporting] = self._rate(f"{number}_{int(exporting)}", exporting=exporting)
        return Pair(silent=rates[False], exporting=rates[True])

    def _rate(self, name: str, *, exporting: bool) -> float:
        logs = self._folder.subfolder(f"round-{name}")
        dsn = self._postgres.make_database(
            ServiceDatabase(
                name=f"bench_{name}", role=f"bench_{name}", password=secrets.token_hex(16)
            )
        )
        with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
            port = listener.getsockname()[1]
            sink = self._start_sink(listener, logs)
        try:
            with self._collecting(logs, exporting=exporting) as variables:
                environment = {**self._environment(dsn, port), **variables}
                seconds = self._service_seconds(environment, logs)
        finally:
            sink.stop(seconds=STOP_SECONDS)
        taken = int(sink.tail().rpartition(TOOK)[2])
        if taken != len(self._mails):
            raise BenchError(f"the sink took {taken} messages, should be {len(self._mails)}")
        return len(self._mails) / seconds

    @contextmanager
    def _collecting(self, logs: Path, *, exporting: bool) -> Iterator[Mapping[str, str]]:
        if not exporting:
            yield {}
            return
        with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
            port = listener.getsockname()[1]
            collector = start_child(
                folder=self._folder,
                name="collector",
                argv=[
                    sys.executable,
                    "-m",
                    "bench.collector",
                    "--listen-fd",
                    str(listener.fileno()),
                ],
                environment={"PATH": "/usr/bin:/bin"},
                log=logs / "collector.log",
                cwd=CHECKOUT,
                pass_fds=(listener.fileno(),),
            )
        try:
            yield {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_METRICS_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{port}",
                "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            }
        finally:
            collector.stop(seconds=STOP_SECONDS)
        spans, sent = map(int, collector.tail().rpartition(COUNTED)[2].split())
        if (spans, sent) != (_SPANS_A_MAIL * len(self._mails), len(self._mails)):
            raise BenchError(f"the collector took {spans} spans and {sent} sent mails")


def run(bench: TelemetryBench, *, rounds: int) -> None:
    done = []
    for number in range(1, rounds + 1):
        pair = bench.measure(number)
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

    def work(folder: RunFolder, interruption: Interruption) -> int:
        bench = TelemetryBench(folder, count=options.count, interruption=interruption)
        with closing(bench):
            bench.start()
            run(bench, rounds=options.rounds)
        return 0

    return run_in_folder(options.folder, work)
