"""The SMTP client alone: its CPU time a message against smtplib's, and its rate at a slow relay.

Both clients send the same messages over one connection each to the same relay, which runs in a
process of its own; rounds alternate, so that neither has the machine to itself for longer. CPU time
is the sending thread's, the kernel's share included, and the message's building is not in it.

The rate is that of many clients in one process against a relay that answers each round trip late,
and each message later still. It is set against connections / (2 round trips + time at the dot).
"""

import argparse
import smtplib
import ssl
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.mails import SENDER, Mail
from bench.receiver import start_receiver
from bench.session import BenchError, run_in_folder
from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.envelope import Envelope
from deliveries.attempt.smtp.relay import Relay, make_ssl_context
from deliveries.conf import TlsMode
from deliveries.outcome.report import Event
from deliveries.states import Phase
from mailproject.embedded.certificates import Certificates, make_certificates
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interruption
from mailproject.embedded.ports import LOOPBACK

_MILLION = 1_000_000
_WARM_UP = 50
Mails = Sequence[tuple[str, bytes]]


class Always:
    """A guard that lets everything happen."""

    def may_begin(self) -> bool:
        return True

    def may_finish(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Place:
    """A relay of the bench."""

    port: int
    certificates: Certificates | None = None

    def client(self) -> Client:
        encrypted = self.certificates is not None
        return Client(
            Relay(
                host=LOOPBACK,
                port=self.port,
                tls=TlsMode.STARTTLS if encrypted else TlsMode.NONE,
                helo_name="localhost",
                timeout=30.0,
                final_reply_timeout=60.0,
                ssl_context=make_ssl_context(self.certificates.authority)
                if self.certificates
                else None,
            )
        )


@contextmanager
def relay(
    folder: RunFolder, name: str, *options: str, certificates: Certificates | None = None
) -> Iterator[Place]:
    if certificates is not None:
        whole = certificates.server.with_name("relay.pem")
        whole.write_bytes(certificates.server_key.read_bytes() + certificates.server.read_bytes())
        options = (*options, "--certificate", str(whole))
    with start_receiver(folder, "bench.relay", *options, log=name) as receiver:
        yield Place(receiver.port, certificates)
    print(receiver.last_line, flush=True)


def send_with_client(place: Place, mails: Mails) -> float:
    """CPU microseconds a message."""
    client, guard = place.client(), Always()

    def send(recipient: str, message: bytes) -> None:
        deadline = client.deadline()
        envelope = Envelope(SENDER, (recipient,))
        report = client.send(envelope=envelope, message=message, guard=guard, deadline=deadline)
        if report.event is not Event.REPLY or report.phase is not Phase.FINAL:
            raise BenchError(f"not sent: {report}")

    try:
        return _microseconds(send, mails)
    finally:
        client.close()


def send_with_smtplib(place: Place, mails: Mails) -> float:
    with smtplib.SMTP(LOOPBACK, place.port, local_hostname="localhost", timeout=30.0) as client:
        if place.certificates is not None:
            context = ssl.create_default_context(cafile=str(place.certificates.authority))
            client.starttls(context=context)

        def send(recipient: str, message: bytes) -> None:
            client.sendmail(SENDER, [recipient], message)

        return _microseconds(send, mails)


def _microseconds(send: Callable[[str, bytes], None], mails: Mails) -> float:
    for recipient, message in mails[:_WARM_UP]:
        send(recipient, message)
    begun = time.thread_time()
    for recipient, message in mails:
        send(recipient, message)
    return (time.thread_time() - begun) / len(mails) * _MILLION


def compare(
    name: str, place: Place, mails: Mails, *, rounds: int, interruption: Interruption
) -> float:
    """The median of the rounds' ratios."""
    ours, bare = [], []
    for _ in range(rounds):
        interruption.check()
        ours.append(send_with_client(place, mails))
        bare.append(send_with_smtplib(place, mails))
    ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    print(
        f"{name:8}: client {statistics.median(ours):6.1f} us   "
        f"smtplib {statistics.median(bare):6.1f} us   ratio {ratio:.2f}",
        flush=True,
    )
    return ratio


def rate(place: Place, mails: Mails, *, connections: int, each: int) -> float:
    """Messages a second of all connections together, from the first send to the last."""
    clients = [place.client() for _ in range(connections)]
    barrier = threading.Barrier(connections + 1)
    taken: list[int] = []

    def work(client: Client) -> None:
        guard = Always()
        _send_one(client, guard, mails[0])  # connects
        barrier.wait()
        sent = [_send_one(client, guard, mails[number % len(mails)]) for number in range(each)]
        taken.append(sum(sent))
        barrier.wait()
        client.close()

    # daemons: who does not wait for the end of this does not wait for them either
    threads = [threading.Thread(target=work, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    barrier.wait()
    begun = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - begun
    for thread in threads:
        thread.join()
    if sum(taken) != connections * each:
        raise BenchError(f"{sum(taken)} of {connections * each} were sent")
    return connections * each / seconds


def _send_one(client: Client, guard: Always, mail: tuple[str, bytes]) -> bool:
    recipient, message = mail
    report = client.send(
        envelope=Envelope(SENDER, (recipient,)),
        message=message,
        guard=guard,
        deadline=client.deadline(),
    )
    return report.event is Event.REPLY and report.phase is Phase.FINAL


def measure(folder: RunFolder, interruption: Interruption, options: argparse.Namespace) -> None:
    mails = [(mail.recipient, mail.message()) for mail in map(Mail, range(options.count))]
    certificates = make_certificates(folder.subfolder("certificates"))
    with (
        relay(folder, "plain") as plain,
        relay(folder, "starttls", certificates=certificates) as encrypted,
    ):
        for name, place in (("plain", plain), ("STARTTLS", encrypted)):
            compare(name, place, mails, rounds=options.rounds, interruption=interruption)
    late, dot = options.round_trip_ms, options.dot_ms
    slowness = ("--round-trip-ms", str(late), "--dot-ms", str(dot))
    with relay(folder, "slow", *slowness) as slow:
        interruption.check()
        found = rate(slow, mails, connections=options.connections, each=options.each)
    most = options.connections / (2 * late + dot) * 1000
    print(f"rate    : {found:6.1f}/s of {most:.1f}/s at most   ratio {found / most:.2f}")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench client", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="messages a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--each", type=int, default=60, help="messages a connection")
    parser.add_argument("--round-trip-ms", type=float, default=10.0)
    parser.add_argument("--dot-ms", type=float, default=30.0)
    options = parser.parse_args(arguments)

    def work(folder: RunFolder, interruption: Interruption) -> int:
        measure(folder, interruption, options)
        return 0

    # a folder of its own: it may run while a stack holds the usual one
    with tempfile.TemporaryDirectory() as folder:
        return run_in_folder(Path(folder), work)
