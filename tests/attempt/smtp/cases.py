"""What a case of the relay is, and what one attempt must come to in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase
from tests.relay.script import Acts, ByTurn, Script

WAITING = "waiting"  # for the next rung of the ladder
SECRET = "open sesame"
LOGIN = {"username": "user", "password": SECRET}


@dataclass(frozen=True)
class Outcome:
    """The attempt's record, and the state of its delivery after it."""

    status: AttemptStatus
    phase: Phase
    code: int | None
    unknown: bool
    failure: FailureCode | None
    delivery: DeliveryStatus | str


@dataclass(frozen=True)
class Case:
    """`script` and what differs in the relay, the client and the claim.

    `outcomes` has one entry for each mail that a client sends. A script may depend on how many
    clients there are. `patient` cases let no budget run out.
    """

    outcomes: tuple[Outcome, ...]
    script: Script | Callable[[int], Script] = field(default_factory=dict)
    relay: Mapping[str, Any] = field(default_factory=dict)
    client: Mapping[str, Any] = field(default_factory=dict)
    claim: Mapping[str, Any] = field(default_factory=dict)
    certificate: tuple[str, int] = ("127.0.0.1", 1)  # of which address, valid for how many days
    taken: int | None = None  # messages that the relay has, of each client

    @property
    def runs_out(self) -> bool:
        return any(outcome.status is AttemptStatus.TIMED_OUT for outcome in self.outcomes)

    def script_for(self, clients: int) -> Script:
        return self.script(clients) if callable(self.script) else self.script


ACCEPTED = Outcome(
    AttemptStatus.PROVIDER_ACCEPTED, Phase.FINAL, 250, False, None, DeliveryStatus.SENT
)


def failed(
    phase: Phase, failure: FailureCode, code: int | None = None, *, unknown: bool = False
) -> Outcome:
    """The link or the relay failed us: the delivery waits for the next rung."""
    return Outcome(AttemptStatus.TRANSPORT_FAILED, phase, code, unknown, failure, WAITING)


def timed_out(phase: Phase) -> Outcome:
    unknown = phase is Phase.FINAL
    status = AttemptStatus.TIMED_OUT
    return Outcome(status, phase, None, unknown, FailureCode.TIMEOUT, WAITING)


def rejected(
    phase: Phase, code: int | None, failure: FailureCode = FailureCode.PERMANENT_REPLY
) -> Outcome:
    """The message was refused for good."""
    status = AttemptStatus.PROVIDER_REJECTED
    return Outcome(status, phase, code, False, failure, DeliveryStatus.FAILED)


def suppressed(phase: Phase, code: int) -> Outcome:
    status, failure = AttemptStatus.PROVIDER_REJECTED, FailureCode.SUPPRESSED_BY_PROVIDER
    return Outcome(status, phase, code, False, failure, DeliveryStatus.SUPPRESSED)


def rounds(clients: int, *plays: Acts) -> ByTurn:
    """One play after the other, each as often as there are clients."""
    return ByTurn(tuple(play for play in plays for _ in range(clients)))
