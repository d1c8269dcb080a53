"""Which deliveries are asked for, and whether that can be answered quickly at any size. Pure."""

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta

from deliveries.states import DeliveryStatus, Source

LONGEST_WINDOW = timedelta(hours=24)


class WindowRequiredError(Exception):
    """The filters may match few rows among very many: they need a time window of 24 h or less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What must hold of a delivery; None asks nothing.

    `recipient` is an address as intake has normalised it, in To, Cc or Bcc; it finds mail for as
    long as its payload is kept. `created_after` is inclusive, `created_before` exclusive.
    `finished_after` and `failure_code` narrow down what is walked through; no index serves them.
    """

    status: DeliveryStatus | None = None
    source: Source | None = None
    recipient: str | None = field(default=None, repr=False)
    template_id: str | None = None
    idempotency_key: str | None = field(default=None, repr=False)
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    failure_code: str | None = None

    @property
    def given(self) -> frozenset[str]:
        """The names of the filters that ask something."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) is not None)

    def has_window(self, now: datetime) -> bool:
        """Whether a time window of 24 h or less is asked for; one that is left open ends now."""
        if self.created_after is None:
            return False
        return (self.created_before or now) - self.created_after <= LONGEST_WINDOW


def require_window(filters: Filters) -> None:
    """Raises WindowRequiredError for filters whose pages might take long."""
    given = filters.given
    if not given or given & {"recipient", "idempotency_key"}:
        return
    if given == {"status"} and filters.status is not DeliveryStatus.SENT:
        return
    if not filters.has_window(datetime.now(UTC)):
        raise WindowRequiredError
