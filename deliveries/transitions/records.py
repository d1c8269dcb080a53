"""What goes into a transition and what comes out of it. Pure: imports no Django."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What a finished attempt leaves on record.

    `recipients` is a list of {"address", "outcome", "smtp_code"}, one for each that was tried.
    """

    status: AttemptStatus
    phase: Phase | None
    failure_code: FailureCode | None
    outcome_unknown: bool = False
    smtp_code: int | None = None
    enhanced_code: str | None = None
    summary: str | None = None
    recipients: tuple[dict[str, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Completion:
    """One attempt's record, and what becomes of its delivery.

    `status` None sends the delivery back to where it waited, for `retry_after`; if that falls past
    its expiry, it ends at once as `at_expiry`. `recipients_*` are the delivery's own, this attempt
    included; `recipients_left` None means all.
    """

    attempt: AttemptRecord
    status: DeliveryStatus | None
    failure_code: FailureCode | None
    retry_after: timedelta | None = None
    at_expiry: DeliveryStatus = DeliveryStatus.FAILED
    recipients_accepted: int = 0
    recipients_left: tuple[str, ...] | None = field(default=None, repr=False)
    recipients_refused: tuple[dict[str, Any], ...] = field(default=(), repr=False)
