"""The words of the classifier: what becomes of an attempt, and of whom it concerned. Pure."""

from dataclasses import dataclass
from enum import StrEnum, unique

from deliveries.states import AttemptStatus, FailureCode


@unique
class Disposition(StrEnum):
    """What a recipient may expect after this transaction."""

    ACCEPTED = "accepted"
    SUPPRESSED = "suppressed"  # refused for good, with a suppression marker
    REFUSED = "refused"  # refused for good
    DEFERRED = "deferred"  # to be tried again


@dataclass(frozen=True, slots=True)
class Judgement:
    status: AttemptStatus
    failure_code: FailureCode | None
    disposition: Disposition


ACCEPTED = Judgement(AttemptStatus.PROVIDER_ACCEPTED, None, Disposition.ACCEPTED)
SUPPRESSED = Judgement(
    AttemptStatus.PROVIDER_REJECTED, FailureCode.SUPPRESSED_BY_PROVIDER, Disposition.SUPPRESSED
)
TIMED_OUT = Judgement(AttemptStatus.TIMED_OUT, FailureCode.TIMEOUT, Disposition.DEFERRED)


def rejected(code: FailureCode) -> Judgement:
    """The message is refused for good."""
    return Judgement(AttemptStatus.PROVIDER_REJECTED, code, Disposition.REFUSED)


def failed(code: FailureCode) -> Judgement:
    """It was not sent, and is tried again."""
    return Judgement(AttemptStatus.TRANSPORT_FAILED, code, Disposition.DEFERRED)
