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
import os
import secrets
import statistics
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.load import quantile_ms
from bench.pages import DEEP, PAGES, fill
from bench.session import BenchError, add_folder, run_in_folder
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interruption
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from mailproject.embedded.postgres import start_postgres
from mailproject.embedded.procfile import await_started, stop_processes
from mailproject.embedded.provision import ServiceDatabase
from mailproject.embedded.stack import CHECKOUT
from mailproject.embedded.valkey import start_valkey

CONNECTIONS = 16
API = "/api/v1/internal"
EMPTY = "/empty"  # of bench.empty_view
_SMALL = 1000
_STOP_SECONDS = 15.0


class Stage:
    """PostgreSQL and Valkey, and web processes that each have a database of their own."""

    def __init__(self, folder: RunFolder, interruption: Interruption) -> None:
        self._folder = folder
        self._interruption = interruption
        self._stops = ExitStack()

    def __enter__(self) -> "Stage":
        self._postgres = start_postgres(folder=self._folder)
        self._stops.callback(self._postgres.stop)
        self._valkey = start_valkey(folder=self._folder)
        self._stops.callback(self._valkey.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.close()

    def start_web(self, name: str) -> "Web":
        dsn = self._postgres.make_database(
            ServiceDatabase(name=name, role=name, password=secrets.token_hex(16))
        )
        with ReservedPort() as port:
            number = port.number
        children = [self._start(name, dsn, number)]
        self._stops.callback(stop_processes, children, seconds=_STOP_SECONDS)
        await_started(children, interruption=self._interruption)
        return Web(dsn=dsn, port=number)

    def _start(self, name: str, dsn: str, port: int) -> Child:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "DJANGO_SETTINGS_MODULE": "bench.empty_view",
            "MAIL_SECRET_KEY": secrets.token_hex(32),
            "MAIL_REDIS_MASTER_ADDR": self._valkey.address,
            "MAIL_REDIS_PASSWORD": self._valkey.password,
            "MAIL_POSTGRES_PRIMARY_DSN": dsn,
            "MAIL_INTERNAL_HTTP_ADDR": f"{LOOPBACK}:{port}",
            "MAIL_SMTP_MODE": "smtp",
            "MAIL_SMTP_ADDR": f"{LOOPBACK}:1",
            "MAIL_SMTP_FROM_EMAIL": "service@example.com",
        }
        return start_child(
            folder=self._folder,
            name="web",
            argv=[sys.executable, "manage.py", "serve"],
            environment=environment,
            log=self._folder.subfolder("logs") / f"{name}.log",
            cwd=CHECKOUT,
        )


@dataclass(frozen=True, slots=True)
class Web:
    """A running web process."""

    dsn: str
    port: int

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
        if done.returncode != 0:
            raise BenchError(f"the load failed: {done.stderr.strip().splitlines()[-1:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


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


def measure_pages(stage: Stage, *, rows: int, rounds: int, seconds: float) -> None:
    """By turns, a slice each, so that whatever else the machine does meets both sizes alike."""
    webs = {size: stage.start_web(f"rows_{size}") for size in (_SMALL, rows)}
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

    def work(folder: RunFolder, interruption: Interruption) -> int:
        with Stage(folder, interruption) as stage:
            timing = {"rounds": options.rounds, "seconds": options.seconds}
            if options.only != "lists":
                measure_login_codes(stage.start_web("login_codes"), **timing)
            if options.only != "login-codes":
                measure_pages(stage, rows=options.rows, **timing)
        return 0

    return run_in_folder(options.folder, work)
