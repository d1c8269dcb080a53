"""`python -m bench http`: login codes against an empty view, and lists in small and large tables.

Login codes: 16 connections post them for some seconds, and ask for an empty JSON view of the same
process for as long, by turns. The number is the ratio of the two rates.

Lists: the pages that the API guarantees without a time window are asked for one after the other,
with 1,000 deliveries and with 1,000,000. The number is the ratio of their p99, by kind of page.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import psycopg

from bench.pages import DEEP, PAGES, fill
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.errors import EmbeddedError
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interrupted, Interruption
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from mailproject.embedded.postgres import start_postgres
from mailproject.embedded.procfile import await_started, stop_processes
from mailproject.embedded.provision import ServiceDatabase
from mailproject.embedded.stack import CHECKOUT, hold_run_folder
from mailproject.embedded.valkey import start_valkey

CONNECTIONS = 16
API = "/api/v1/internal"
EMPTY = "/empty"  # of bench.empty_view
_STOP_SECONDS = 15.0


class Web:
    """A web process on servers of its own."""

    def __init__(self, folder: RunFolder, interruption: Interruption) -> None:
        self._folder = folder
        self._interruption = interruption
        self._stops = ExitStack()

    def __enter__(self) -> "Web":
        postgres = start_postgres(folder=self._folder)
        self._stops.callback(postgres.stop)
        self.dsn = postgres.make_database(
            ServiceDatabase(name="bench", role="bench", password=secrets.token_hex(16))
        )
        valkey = start_valkey(folder=self._folder)
        self._stops.callback(valkey.stop)
        with ReservedPort() as port:
            self.port = port.number
        children = [self._start(valkey.address, valkey.password)]
        self._stops.callback(stop_processes, children, seconds=_STOP_SECONDS)
        await_started(children, interruption=self._interruption)
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.close()

    def _start(self, redis_address: str, redis_password: str) -> Child:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "DJANGO_SETTINGS_MODULE": "bench.empty_view",
            "MAIL_SECRET_KEY": secrets.token_hex(32),
            "MAIL_REDIS_MASTER_ADDR": redis_address,
            "MAIL_REDIS_PASSWORD": redis_password,
            "MAIL_POSTGRES_PRIMARY_DSN": self.dsn,
            "MAIL_INTERNAL_HTTP_ADDR": f"{LOOPBACK}:{self.port}",
            "MAIL_SMTP_MODE": "smtp",
            "MAIL_SMTP_ADDR": f"{LOOPBACK}:1",
            "MAIL_SMTP_FROM_EMAIL": "service@example.com",
        }
        return start_child(
            folder=self._folder,
            name="web",
            argv=[sys.executable, "manage.py", "serve"],
            environment=environment,
            log=self._folder.subfolder("logs") / "web.log",
            cwd=CHECKOUT,
        )

    def load(self, *what: str, connections: int, seconds: float) -> Mapping[str, float]:
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
            raise EmbeddedError(f"the load failed: {done.stderr.strip().splitlines()[-1:]}")
        found: dict[str, float] = json.loads(done.stdout)
        return found


def measure_login_codes(web: Web, *, rounds: int, seconds: float) -> None:
    warm = min(2.0, seconds)
    web.load("--get", EMPTY, connections=CONNECTIONS, seconds=warm)
    web.load("--login", "warm", connections=CONNECTIONS, seconds=warm)
    ratios = []
    for number in range(1, rounds + 1):
        empty = web.load("--get", EMPTY, connections=CONNECTIONS, seconds=seconds)
        codes = web.load("--login", f"r{number}", connections=CONNECTIONS, seconds=seconds)
        ratios.append(codes["rate"] / empty["rate"])
        print(
            f"round {number}: login codes {codes['rate']:6.0f}/s (p99 {codes['p99_ms']:.1f} ms)"
            f"   empty view {empty['rate']:6.0f}/s (p99 {empty['p99_ms']:.1f} ms)"
            f"   ratio {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"median : login codes / empty view {statistics.median(ratios):.2f}")


def measure_pages(web: Web, *, small: int, large: int, seconds: float) -> None:
    found = {}
    for size in (small, large):
        with psycopg.connect(web.dsn, autocommit=True) as connection:
            fill(connection, size)
        found[size] = dict(_pages(web, seconds=seconds))
    for kind, before in found[small].items():
        after = found[large][kind]
        print(
            f"{kind:<28} p99 {before:6.1f} ms at {small:,}   {after:6.1f} ms at {large:,}"
            f"   ratio {after / before:.2f}"
        )
    worst = max(found[large][kind] / before for kind, before in found[small].items())
    print(f"worst  : {worst:.2f}")


def _pages(web: Web, *, seconds: float) -> Iterator[tuple[str, float]]:
    """The p99 of each kind of page, in ms."""
    for kind, path in {**PAGES, DEEP: _deep(web, PAGES["newest"], pages=9)}.items():
        web.load("--get", f"{API}/{path}", connections=1, seconds=0.5)
        yield kind, web.load("--get", f"{API}/{path}", connections=1, seconds=seconds)["p99_ms"]


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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large table")
    parser.add_argument("--folder", type=Path, help="where its files go (default: .run here)")
    parser.add_argument("--only", choices=["login-codes", "lists"])
    options = parser.parse_args(arguments)
    interruption = Interruption()
    chosen = options.folder.absolute() if options.folder else None
    try:
        folder = hold_run_folder(CHECKOUT, chosen=chosen)
        try:
            with Web(folder, interruption) as web:
                if options.only != "lists":
                    measure_login_codes(web, rounds=options.rounds, seconds=options.seconds)
                if options.only != "login-codes":
                    measure_pages(web, small=1000, large=options.rows, seconds=options.seconds)
        finally:
            interruption.close()
            folder.close()
    except (Interrupted, KeyboardInterrupt):
        return 130
    except (EmbeddedError, psycopg.Error, OSError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0
