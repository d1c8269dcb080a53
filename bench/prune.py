"""How much pruning slows the sending: `python -m bench prune`.

Rounds go in pairs, one with the prune process and one without, by turns first. Either has 200,000
old deliveries in its database, with content, attempts and expired reservations, and sends the same
mails; with pruning, the round of retention is under way before the first command is read and has
not ended when the last outcome is recorded. The time is that of `bench.end_to_end`.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from bench.deployment import CONSUMER, WORKERS, Deployment, deploy, relay_at
from bench.mails import Mail
from bench.receiver import start_sink
from bench.servers import Servers, run_with_servers
from bench.session import BenchError, add_folder

_ALLOWED = 0.10
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


@dataclass(frozen=True, slots=True)
class Sending:
    """What every round sends, and how many old deliveries are there before."""

    servers: Servers
    mails: Sequence[Mail]
    old: int

    def run(self, number: int, *, prunes: bool) -> tuple[float, int]:
        """Mails a second, and how many old rows were removed meanwhile. Raises BenchError."""
        name, count = f"prune_{number}_{'with' if prunes else 'without'}", len(self.mails)
        with (
            start_sink(self.servers, name, expected=count) as port,
            deploy(self.servers, name, relay_at(port)) as service,
        ):
            service.manage("migrate")
            self.servers.fill_stream(mail.entry() for mail in self.mails)
            last = self._fill(service.dsn)
            seconds, removed = self._time(service, last, prunes=prunes)
        return count / seconds, removed

    def _fill(self, dsn: str) -> int:
        """Make the old deliveries; returns the last of their keys."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SET statement_timeout = 0")
            connection.execute(_FILL, {"old": self.old})
            connection.execute("VACUUM ANALYZE")
            row = connection.execute("SELECT max(id) FROM mail.deliveries").fetchone()
        # or what was made here is written out while the mails are sent
        admin = self.servers.postgres.admin
        with psycopg.connect(admin, dbname="postgres", autocommit=True) as owner:
            owner.execute("CHECKPOINT")
        assert row is not None
        return int(row[0])

    def _time(self, service: Deployment, last: int, *, prunes: bool) -> tuple[float, int]:
        with psycopg.connect(service.dsn, autocommit=True) as connection:
            service.start(*WORKERS)
            if prunes:
                service.start("prune")
                self._await_first_page(connection, last)
            # idle for as long with prune as without it
            self.servers.interruption.sleep(_SETTLE_SECONDS)
            before = _left(connection, last)
            service.start(CONSUMER)
            ended = service.await_sent(len(self.mails), after=last)
            left = _left(connection, last)
        if prunes and not left:
            raise BenchError("the pruning ended before the sending: more --old is needed")
        return ended - service.started_at(CONSUMER), before - left

    def _await_first_page(self, connection: psycopg.Connection, last: int) -> None:
        full = 3 * self.old
        while _left(connection, last) == full:
            self.servers.interruption.sleep(0.05)


def _left(connection: psycopg.Connection, last: int) -> int:
    row = connection.execute(_LEFT, {"last": last}).fetchone()
    assert row is not None
    return int(row[0])


def measure(sending: Sending, *, pairs: int) -> float:
    """Print each pair; returns by how much the sending is slowed, in the median."""
    ratios = []
    for number in range(1, pairs + 1):
        rates, removed = {}, 0
        for prunes in (True, False) if number % 2 else (False, True):
            rates[prunes], count = sending.run(number, prunes=prunes)
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

    mails = [Mail(number) for number in range(options.count)]

    def work(servers: Servers) -> int:
        sending = Sending(servers, mails, options.old)
        return int(measure(sending, pairs=options.pairs) > _ALLOWED)

    return run_with_servers(options.folder, work)
