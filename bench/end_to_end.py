"""From the stream to the last recorded outcome, against bare smtplib on one connection.

A round is a database, a stream with every command on it already, the Procfile's processes that
take part, and a sink of its own. The consumer starts when the others run: the service's time goes
from its start line to the last `finished_at`; smtplib's from its connecting to its last reply. Both
send the same messages to the same sink, one after the other and by turns first, so that neither has
the other's load.
"""

import argparse
import json
import os
import secrets
import smtplib
import socket
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from bench.mails import SENDER, Mail
from bench.relay import TOOK
from bench.session import BenchError, add_folder, run_in_folder
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interruption
from mailproject.embedded.ports import LOOPBACK
from mailproject.embedded.postgres import Postgres, start_postgres
from mailproject.embedded.procfile import (
    STARTED,
    await_started,
    raise_if_ended,
    read_procfile,
    stop_processes,
)
from mailproject.embedded.provision import ServiceDatabase
from mailproject.embedded.stack import CHECKOUT
from mailproject.embedded.valkey import Valkey, start_valkey

STREAM = "mail:delivery_commands"
WORKERS = ("scheduler", "attempts")
FEEDER = "consumer"
STOP_SECONDS = 15.0
_MIGRATE_SECONDS = 60.0
_PATIENCE_SECONDS = 180.0
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Round:
    """Messages a second."""

    service: float
    smtplib: float

    @property
    def ratio(self) -> float:
        return self.service / self.smtplib


class Bench:
    """The servers of all rounds."""

    def __init__(self, folder: RunFolder, *, count: int, interruption: Interruption) -> None:
        self._folder = folder
        self._mails = [Mail(number) for number in range(count)]
        self._interruption = interruption
        self._stops = ExitStack()

    def start(self) -> None:
        self._postgres: Postgres = start_postgres(folder=self._folder)
        self._stops.callback(self._postgres.stop)
        self._valkey: Valkey = start_valkey(folder=self._folder)
        self._stops.callback(self._valkey.stop)

    def close(self) -> None:
        self._stops.close()

    def round(self, number: int) -> Round:
        """Raises BenchError unless each message came once from either side."""
        logs = self._folder.subfolder(f"round-{number}")
        dsn = self._postgres.make_database(
            ServiceDatabase(
                name=f"bench_{number}", role=f"bench_{number}", password=secrets.token_hex(16)
            )
        )
        with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
            port = listener.getsockname()[1]
            sink = self._start_sink(listener, logs)
        try:
            bare = _smtplib_seconds(self._mails, port) if number % 2 == 0 else None
            seconds = self._service_seconds(self._environment(dsn, port), logs)
            if bare is None:
                bare = _smtplib_seconds(self._mails, port)
        finally:
            sink.stop(seconds=STOP_SECONDS)
        taken = int(sink.tail().rpartition(TOOK)[2])
        count = len(self._mails)
        if taken != 2 * count:
            raise BenchError(f"the sink took {taken} messages, should be {2 * count}")
        return Round(service=count / seconds, smtplib=count / bare)

    def _start_sink(self, listener: socket.socket, logs: Path) -> Child:
        return start_child(
            folder=self._folder,
            name="sink",
            argv=[sys.executable, "-m", "bench.relay", "--listen-fd", str(listener.fileno())],
            environment={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
            log=logs / "sink.log",
            cwd=CHECKOUT,
            pass_fds=(listener.fileno(),),
        )

    def _environment(self, dsn: str, port: int) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "MAIL_SECRET_KEY": secrets.token_hex(32),
            "MAIL_REDIS_MASTER_ADDR": self._valkey.address,
            "MAIL_REDIS_PASSWORD": self._valkey.password,
            "MAIL_POSTGRES_PRIMARY_DSN": dsn,
            "MAIL_SMTP_MODE": "smtp",
            "MAIL_SMTP_ADDR": f"{LOOPBACK}:{port}",
            "MAIL_SMTP_TLS": "none",
            "MAIL_SMTP_FROM_EMAIL": SENDER,
            "MAIL_LOG_FORMAT": "json",
        }

    def _service_seconds(self, environment: Mapping[str, str], logs: Path) -> float:
        self._migrate(environment, logs)
        self._preload()
        with self._running(environment, logs) as children:
            ended = self._await_sent(environment["MAIL_POSTGRES_PRIMARY_DSN"], children)
            begun = started_at(children[-1])
        return ended - begun

    def _migrate(self, environment: Mapping[str, str], logs: Path) -> None:
        """Before the clock runs: a deployment does it once, not once a start."""
        child = self._start("migrate", "python manage.py migrate", environment, logs)
        if child.finish(seconds=_MIGRATE_SECONDS) != 0:
            raise child.failed("did not migrate")

    def _preload(self) -> None:
        with self._valkey.connect() as client:
            client.flushdb()
            pipeline = client.pipeline(transaction=False)
            for mail in self._mails:
                pipeline.xadd(STREAM, dict(mail.entry()))
            pipeline.execute()

    @contextmanager
    def _running(self, environment: Mapping[str, str], logs: Path) -> Iterator[list[Child]]:
        """The processes, the one that feeds the others last."""
        commands = read_procfile(CHECKOUT / "Procfile")
        children: list[Child] = []
        try:
            for names in (WORKERS, (FEEDER,)):
                begun = [self._start(name, commands[name], environment, logs) for name in names]
                children += begun
                await_started(begun, interruption=self._interruption)
            yield children
        finally:
            unclean = stop_processes(children, seconds=STOP_SECONDS)
        if unclean:
            raise unclean[0].failed(f"ended with exit status {unclean[0].process.returncode}")

    def _start(self, name: str, command: str, environment: Mapping[str, str], logs: Path) -> Child:
        return start_child(
            folder=self._folder,
            name=name,
            argv=["/bin/sh", "-c", f"exec {command}"],
            environment=environment,
            log=logs / f"{name}.log",
            cwd=CHECKOUT,
        )

    def _await_sent(self, dsn: str, children: list[Child]) -> float:
        """The time of the last outcome, in Unix seconds. Raises BenchError."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        count = len(self._mails)
        with psycopg.connect(dsn, autocommit=True) as connection:
            while True:
                raise_if_ended(children)
                row = connection.execute(
                    "SELECT count(*) FILTER (WHERE status = 'sent'), count(finished_at),"
                    " extract(epoch FROM max(finished_at))::float8 FROM mail.deliveries"
                ).fetchone()
                assert row is not None
                sent, finished, last = row
                if sent == count:
                    return float(last)
                if finished >= count or time.monotonic() > deadline:
                    raise BenchError(f"{sent} of {count} were sent")
                self._interruption.sleep(_POLL_SECONDS)


def started_at(child: Child) -> float:
    """When the process logged its start line, in Unix seconds."""
    for line in child.log.read_text("utf-8", "replace").splitlines():
        if line.startswith("{") and (entry := json.loads(line))["message"] == STARTED[child.name]:
            return datetime.fromisoformat(entry["timestamp"]).timestamp()
    raise child.failed("has no start line")


def _smtplib_seconds(mails: list[Mail], port: int) -> float:
    made = [(mail.recipient, mail.message()) for mail in mails]
    begun = time.perf_counter()
    with smtplib.SMTP(LOOPBACK, port, local_hostname="localhost", timeout=30.0) as client:
        for recipient, message in made:
            client.sendmail(SENDER, [recipient], message)
        return time.perf_counter() - begun


def measure(bench: Bench, *, rounds: int) -> None:
    done = []
    for number in range(1, rounds + 1):
        found = bench.round(number)
        done.append(found)
        print(f"round {number}: {_line(found.service, found.smtplib, found.ratio)}", flush=True)
    service = statistics.median(found.service for found in done)
    bare = statistics.median(found.smtplib for found in done)
    ratio = statistics.median(found.ratio for found in done)
    print(f"median : {_line(service, bare, ratio)}")


def _line(service: float, bare: float, ratio: float) -> str:
    return f"service {service:7.1f}/s   smtplib {bare:7.1f}/s   ratio {ratio:.2f}"


def main() -> int:
    """Exit status 0 when every message of every round was sent, once."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="messages a round")
    parser.add_argument("--rounds", type=int, default=3)
    add_folder(parser)
    options = parser.parse_args()

    def work(folder: RunFolder, interruption: Interruption) -> int:
        bench = Bench(folder, count=options.count, interruption=interruption)
        with closing(bench):
            bench.start()
            measure(bench, rounds=options.rounds)
        return 0

    return run_in_folder(options.folder, work)
