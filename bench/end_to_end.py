"""From the stream to the last recorded outcome, against bare smtplib on one connection.

A round is a database, a stream with every command on it already, the Procfile's processes that
take part, and a sink of its own. The consumer starts when the others run: the service's time goes
from its start line to the last `finished_at`; smtplib's from its connecting to its last reply. Both
send the same messages to the same sink, one after the other and by turns first, so that neither has
the other's load.
"""

import argparse
import smtplib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.deployment import relay_at, seconds_to_send
from bench.mails import SENDER, Mail
from bench.receiver import start_sink
from bench.servers import Servers, run_with_servers
from bench.session import add_folder
from mailproject.embedded.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Round:
    """Messages a second."""

    service: float
    smtplib: float

    @property
    def ratio(self) -> float:
        return self.service / self.smtplib


def run_round(servers: Servers, number: int, mails: Sequence[Mail]) -> Round:
    """Raises BenchError unless each message came once from either side."""
    name = f"round_{number}"
    bare = None
    with start_sink(servers, name, expected=2 * len(mails)) as port:
        if number % 2 == 0:
            bare = _smtplib_seconds(mails, port)
        seconds = seconds_to_send(servers, name, relay_at(port), mails)
        if bare is None:
            bare = _smtplib_seconds(mails, port)
    return Round(service=len(mails) / seconds, smtplib=len(mails) / bare)


def _smtplib_seconds(mails: Sequence[Mail], port: int) -> float:
    made = [(mail.recipient, mail.message()) for mail in mails]
    begun = time.perf_counter()
    with smtplib.SMTP(LOOPBACK, port, local_hostname="localhost", timeout=30.0) as client:
        for recipient, message in made:
            client.sendmail(SENDER, [recipient], message)
        return time.perf_counter() - begun


def measure(servers: Servers, mails: Sequence[Mail], *, rounds: int) -> None:
    done = []
    for number in range(1, rounds + 1):
        found = run_round(servers, number, mails)
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

    def work(servers: Servers) -> int:
        measure(servers, [Mail(number) for number in range(options.count)], rounds=options.rounds)
        return 0

    return run_with_servers(options.folder, work)
