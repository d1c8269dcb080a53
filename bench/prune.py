"""How much pruning slows the sending: `python -m bench prune`.

Rounds go in pairs, one with the prune process and one without, by turns first. Either has 200,000
old deliveries in its database, with content, attempts and expired reservations, and sends the same
mails; with pruning, the round of retention is under way before the first command is read and has
not ended when the last outcome is recorded. The time is that of `bench.end_to_end`.
"""

import argparse
import secrets
import socket
import statistics
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg

from bench.end_to_end import FEEDER, WORKERS, Bench, started_at
from bench.relay import TOOK
from bench.session import BenchError, add_folder, run_in_folder
from mailproject.embedded.child import Child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interruption
from mailproject.embedded.ports import LOOPBACK
from mailproject.embedded.procfile import (
    await_started,
    raise_if_ended,
    read_procfile,
    stop_processes,
)
from mailproject.embedded.provision import ServiceDatabase
from mailproject.embedded.stack import CHECKOUT

_ALLOWED = 0.10
_PATIENCE_SECONDS = 180.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.25
_SETTLE_SECONDS = 5.0

_FILL = """
WITH made AS (
  INSERT INTO mail.deliveries (delivery_id, source, payload_mode, status, idempotency_key,
      fingerprint, message_id, requested_at, created_at, finished_at, attempt_count)
  SELECT 'old-' || n, 'notification', 'rendered',
      CASE WHEN n %% 10 = 0 THEN 'dead_letter' ELSE 'sent' END, 'old-' || n, '\\x00',
      '<' || md5(n::text) || '@example.com>', now() - interval '40 d', now() - interval '40 d',
      now() - interval '40 d', 1
  FROM generate_series(1, %(old)s) AS n RETURNING id, delivery_id, status
), payloads AS (
  INSERT INTO mail.delivery_payloads (delivery_pk, mailboxes, subject, text_body, content_bytes)
  SELECT id, '{"to": [{"email": "ada@example.org", "name": "Ada"}]}', 'Report',
      repeat(md5(id::text), 32), 1024 FROM made
), attempts AS (
  INSERT INTO mail.attempts (delivery_pk, attempt_no, lane, status, scheduled_for, worker_id,
      started_at, finished_at)
  SELECT id, 1, 2, CASE status WHEN 'sent' THEN 'provider_accepted' ELSE 'timed_out' END,
      now(), 1, now(), now() FROM made
), dead AS (
  INSERT INTO mail.dead_letters (delivery_pk, failure_code, reason, attempt_count)
  SELECT id, 'timeout', 'timeout', 1 FROM made WHERE status = 'dead_letter'
)
INSERT INTO mail.idempotency_reservations
  (source, idempotency_key, delivery_pk, fingerprint, expires_at)
SELECT 'notification', delivery_id, id, '\\x00', now() - interval '33 d' FROM made
"""
_LEFT = """
SELECT (SELECT count(*) FROM mail.deliveries WHERE id <= %(last)s)
     + (SELECT count(*) FROM mail.delivery_payloads WHERE delivery_pk <= %(last)s)
     + (SELECT count(*) FROM mail.idempotency_reservations WHERE delivery_pk <= %(last)s)
"""


class PruneBench(Bench):
    """The servers of all rounds, and their old deliveries."""

    def __init__(
        self, folder: RunFolder, *, count: int, interruption: Interruption, old: int
    ) -> None:
        super().__init__(folder, count=count, interruption=interruption)
        self._old = old

    def send(self, number: int, *, prunes: bool) -> tuple[float, int]:
        """Mails a second, and how many old rows were removed meanwhile. Raises BenchError."""
        name = f"prune_{number}_{'with' if prunes else 'without'}"
        logs = self._folder.subfolder(name)
        dsn = self._postgres.make_database(
            ServiceDatabase(name=name, role=name, password=secrets.token_hex(16))
        )
        with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
            environment = self._environment(dsn, listener.getsockname()[1])
            sink = self._start_sink(listener, logs)
        try:
            self._migrate(environment, logs)
            self._preload()
            last = self._fill(dsn)
            seconds, removed = self._time(environment, logs, last, prunes=prunes)
        finally:
            sink.stop(seconds=_STOP_SECONDS)
        if (taken := int(sink.tail().rpartition(TOOK)[2])) != len(self._mails):
            raise BenchError(f"the sink took {taken} messages, should be {len(self._mails)}")
        return len(self._mails) / seconds, removed

    def _fill(self, dsn: str) -> int:
        """Make the old deliveries; returns the last of their keys."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SET statement_timeout = 0")
            connection.execute(_FILL, {"old": self._old})
            connection.execute("VACUUM ANALYZE")
            row = connection.execute("SELECT max(id) FROM mail.deliveries").fetchone()
        # or what was made here is written out while the mails are sent
        with psycopg.connect(self._postgres.admin, dbname="postgres", autocommit=True) as owner:
            owner.execute("CHECKPOINT")
        assert row is not None
        return int(row[0])

    def _time(
        self, environment: Mapping[str, str], logs: Path, last: int, *, prunes: bool
    ) -> tuple[float, int]:
        dsn = environment["MAIL_POSTGRES_PRIMARY_DSN"]
        commands = read_procfile(CHECKOUT / "Procfile")
        children: list[Child] = []
        with psycopg.connect(dsn, autocommit=True) as connection:
            try:
                for names in (WORKERS, ("prune",) if prunes else ()):
                    begun = [self._start(n, commands[n], environment, logs) for n in names]
                    children += begun
                    await_started(begun, interruption=self._interruption)
                    if "prune" in names:
                        self._await_first_page(connection, last)
                # idle for as long with prune as without it
                self._interruption.sleep(_SETTLE_SECONDS)
                before = _left(connection, last)
                children.append(self._start(FEEDER, commands[FEEDER], environment, logs))
                await_started(children[-1:], interruption=self._interruption)
                ended = self._await_all(connection, children, last)
                removed = before - _left(connection, last)
                if prunes and not _left(connection, last):
                    raise BenchError("the pruning ended before the sending: more --old is needed")
                return ended - started_at(children[-1]), removed
            finally:
                stop_processes(children, seconds=_STOP_SECONDS)

    def _await_first_page(self, connection: psycopg.Connection, last: int) -> None:
        full = 3 * self._old
        while _left(connection, last) == full:
            self._interruption.sleep(0.05)

    def _await_all(self, connection: psycopg.Connection, children: list[Child], last: int) -> float:
        """The time of the last outcome, in Unix seconds."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            raise_if_ended(children)
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE status = 'sent'),"
                " extract(epoch FROM max(finished_at))::float8 FROM mail.deliveries WHERE id > %s",
                [last],
            ).fetchone()
            assert row is not None
            if row[0] == len(self._mails):
                return float(row[1])
            if time.monotonic() > deadline:
                raise BenchError(f"{row[0]} of {len(self._mails)} were sent")
            self._interruption.sleep(_POLL_SECONDS)


def _left(connection: psycopg.Connection, last: int) -> int:
    row = connection.execute(_LEFT, {"last": last}).fetchone()
    assert row is not None
    return int(row[0])


def measure(bench: PruneBench, *, pairs: int) -> float:
    """Print each pair; returns by how much the sending is slowed, in the median."""
    ratios = []
    for number in range(1, pairs + 1):
        rates, removed = {}, 0
        for prunes in (True, False) if number % 2 else (False, True):
            rates[prunes], count = bench.send(number, prunes=prunes)
            removed += count
        ratios.append(rates[True] / rates[False])
        print(
            f"pair {number}: without {rates[False]:7.1f}/s   with {rates[True]:7.1f}/s"
            f"   ratio {ratios[-1]:.3f}   {removed} old rows removed meanwhile",
            flush=True,
        )
    slowed = 1 - statistics.median(ratios)
    print(f"median: slowed by {slowed:.1%}, allowed {_ALLOWED:.0%}")
    return slowed


def main(arguments: list[str]) -> int:
    """Exit status 0 when every mail was sent once and the sending was slowed by 10 % at most."""
    parser = argparse.ArgumentParser(prog="python -m bench prune", description=__doc__)
    parser.add_argument("--count", type=int, default=8000, help="mails a round")
    parser.add_argument("--old", type=int, default=200_000, help="old deliveries in the database")
    parser.add_argument("--pairs", type=int, default=3)
    add_folder(parser)
    options = parser.parse_args(arguments)

    def work(folder: RunFolder, interruption: Interruption) -> int:
        bench = PruneBench(folder, count=options.count, interruption=interruption, old=options.old)
        with closing(bench):
            bench.start()
            return int(measure(bench, pairs=options.pairs) > _ALLOWED)

    return run_in_folder(options.folder, work)
