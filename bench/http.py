"""`python -m bench http`: login codes against an empty view, and lists in small and large tables.

Login codes: 16 connections ask for an empty JSON view for some seconds, and then post login codes
to the same process for as long. The number is the ratio of the two rates. It scatters between
rounds: the worker that wakes first takes a new connection, so that one worker may have most of the
16 of a round, and the empty view's rate is then that of one core.

Lists: the pages that the API guarantees without a time window are asked for one after the other,
of 1,000 deliveries and of 1,000,000 by turns. The number is the ratio of the p99, by kind of page.
"""

import argparse
import json
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.deployment import WEB, deploy
from bench.load import quantile_ms
from bench.mails import SENDER
from bench.pages import DEEP, PAGES, fill
from bench.servers import Servers, run_with_servers
from bench.session import BenchError, add_folder
from mailproject.embedded.interruption import Interruption
from mailproject.embedded.ports import LOOPBACK
from mailproject.embedded.stack import CHECKOUT

CONNECTIONS = 16
API = "/api/v1/internal"
EMPTY = "/empty"  # of bench.empty_view
_SMALL = 1000
_VARIABLES = {
    "DJANGO_SETTINGS_MODULE": "bench.empty_view",
    "MAIL_SMTP_MODE": "smtp",
    "MAIL_SMTP_ADDR": f"{LOOPBACK}:1",
    "MAIL_SMTP_FROM_EMAIL": SENDER,
}


@dataclass(frozen=True, slots=True)
class Web:
    """A running web process."""

    dsn: str
    port: int
    interruption: Interruption

    def load(self, *what: str, connections: int, seconds: float) -> dict[str, Any]:
        """One run of `bench.load`, in a process of its own."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "bench.load", "--port", str(self.port)),
                *("--connections", str(connections), "--seconds", str(seconds), *what),
            ],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.interruption.check()  # Ctrl-C in a terminal ends the load too
        if done.returncode != 0:
            raise BenchError(f"the load failed: {done.stderr.strip().splitlines()[-1:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def start_web(servers: Servers, name: str) -> Iterator[Web]:
    """A web process with a database of its own."""
    with deploy(servers, name, _VARIABLES) as service:
        service.start(WEB)
        yield Web(service.dsn, service.http_port, servers.interruption)


def measure_login_codes(web: Web, *, rounds: int, seconds: float) -> None:
    warm = min(2.0, seconds)
    web.load("--get", EMPTY, "--login", "warm", connections=CONNECTIONS, seconds=warm)
    ratios = []
    for number in range(1, rounds + 1):
        both = web.load(
            "--get", EMPTY, "--login", f"r{number}", connections=CONNECTIONS, seconds=seconds
        )
        empty, codes = both["get"], both["login"]
        ratios.append(codes["rate"] / empty["rate"])
        print(
            f"round {number}: login codes {codes['rate']:6.0f}/s (p99 {codes['p99_ms']:.1f} ms)"
            f"   empty view {empty['rate']:6.0f}/s (p99 {empty['p99_ms']:.1f} ms)"
            f"   ratio {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"median : login codes / empty view {statistics.median(ratios):.2f}")


def measure_pages(servers: Servers, *, rows: int, rounds: int, seconds: float) -> None:
    """By turns, a slice each, so that whatever else the machine does meets both sizes alike."""
    with ExitStack() as stops:
        webs = {
            size: stops.enter_context(start_web(servers, f"rows_{size}")) for size in (_SMALL, rows)
        }
        for size, web in webs.items():
            with psycopg.connect(web.dsn, autocommit=True) as connection:
                fill(connection, size)
        worst = 0.0
        for kind, path in PAGES.items():
            paths = dict.fromkeys(webs, path)
            worst = max(worst, _measure_kind(kind, webs, paths, rounds=rounds, seconds=seconds))
        deep = {size: _deep(web, PAGES["newest"], pages=9) for size, web in webs.items()}
        worst = max(worst, _measure_kind(DEEP, webs, deep, rounds=rounds, seconds=seconds))
    print(f"worst  : {worst:.2f}")


def _measure_kind(
    kind: str, webs: dict[int, Web], paths: dict[int, str], *, rounds: int, seconds: float
) -> float:
    """The ratio of the p99 of all slices together."""
    took: dict[int, list[float]] = {size: [] for size in webs}
    for number in range(rounds + 1):
        for size, web in webs.items():
            found = web.load(
                *("--samples", "--get", f"{API}/{paths[size]}"),
                connections=1,
                seconds=seconds / rounds,
            )
            # the first slice warms up
            took[size] += found["get"]["samples"] if number else []
    small, large = (sorted(samples) for samples in took.values())
    ratio = quantile_ms(large, 0.99) / quantile_ms(small, 0.99)
    print(
        f"{kind:<22} p50 {quantile_ms(small, 0.5):5.1f} and {quantile_ms(large, 0.5):5.1f} ms"
        f"   p99 {quantile_ms(small, 0.99):5.1f} and {quantile_ms(large, 0.99):5.1f} ms"
        f"   ratio of p99 {ratio:.2f}",
        flush=True,
    )
    return ratio


def _deep(web: Web, path: str, *, pages: int) -> str:
    """The path of the page after so many others."""
    found = path
    for _ in range(pages):
        with urllib.request.urlopen(f"http://{LOOPBACK}:{web.port}{API}/{found}") as answer:
            found = f"{path}&cursor={json.load(answer)['next_cursor']}"
    return found


def main(arguments: list[str]) -> int:
    """Exit status 0 when everything was answered as it should be."""
    parser = argparse.ArgumentParser(prog="python -m bench http", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0, help="of one measurement")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large table")
    add_folder(parser)
    parser.add_argument("--only", choices=["login-codes", "lists"])
    options = parser.parse_args(arguments)

    def work(servers: Servers) -> int:
        timing = {"rounds": options.rounds, "seconds": options.seconds}
        if options.only != "lists":
            with start_web(servers, "login_codes") as web:
                measure_login_codes(web, **timing)
        if options.only != "login-codes":
            measure_pages(servers, rows=options.rows, **timing)
        return 0

    return run_with_servers(options.folder, work)
