"""Sending from a test: a client, a guard that does as it is told, what a report comes down to."""

from dataclasses import dataclass

from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.envelope import Envelope
from deliveries.outcome.report import Event, Report
from deliveries.states import Phase

SENDER = "from@sender.test"
RECIPIENT = "to@recipient.test"
MESSAGE = b"Subject: hello\r\n\r\nOne line.\r\n"
LARGE = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 150_000  # more than any buffer takes
SHORT = 0.4  # seconds: for budgets that a test lets run out

Facts = tuple[Event, Phase, int | None, bool]


def facts(report: Report) -> Facts:
    """Event, phase, the reply's code, and whether the final dot was written."""
    code = report.reply.code if report.reply else None
    return report.event, report.phase, code, report.final_dot_written


ACCEPTED: Facts = (Event.REPLY, Phase.FINAL, 250, False)


@dataclass
class Permission:
    """A guard that says what it is told."""

    begins: bool = True
    finishes: bool = True
    finishes_times: int = 1000
    asked_to_begin: int = 0
    asked_to_finish: int = 0

    def may_begin(self) -> bool:
        self.asked_to_begin += 1
        return self.begins

    def may_finish(self) -> bool:
        self.asked_to_finish += 1
        return self.finishes and self.asked_to_finish <= self.finishes_times


@dataclass
class Post:
    """One client, and the sending of a message where a test cares for little of it."""

    client: Client

    def send(
        self,
        *recipients: str,
        message: bytes = MESSAGE,
        smtputf8: bool = False,
        guard: Permission | None = None,
    ) -> Report:
        envelope = Envelope(SENDER, recipients or (RECIPIENT,), smtputf8=smtputf8)
        return self.client.send(
            envelope=envelope,
            message=message,
            guard=guard or Permission(),
            deadline=self.client.deadline(),
        )
