"""Which filters need a window, and how long it may be."""

from datetime import UTC, datetime, timedelta

import pytest

from deliveries.listing.filters import Filters, WindowRequiredError, require_window
from deliveries.states import DeliveryStatus, Source

NOW = datetime.now(UTC)
DAY = timedelta(hours=24)
UNBOUNDED = [
    {},
    *({"status": status} for status in DeliveryStatus if status is not DeliveryStatus.SENT),
    {"recipient": "a@example.org"},
    {"idempotency_key": "k"},
    {"recipient": "a@example.org", "status": DeliveryStatus.SENT, "source": Source.NOTIFICATION},
    {"idempotency_key": "k", "template_id": "billing.receipt", "created_before": NOW},
    {"recipient": "a@example.org", "created_after": NOW - 30 * DAY},
]
BOUNDED = [
    {"status": DeliveryStatus.SENT},
    {"source": Source.NOTIFICATION},
    {"template_id": "billing.receipt"},
    {"status": DeliveryStatus.FAILED, "source": Source.NOTIFICATION},
]


@pytest.mark.parametrize("asked", UNBOUNDED)
def test_what_has_an_index_of_its_own_needs_no_window(asked):
    require_window(Filters(**asked))


@pytest.mark.parametrize("asked", BOUNDED)
def test_anything_else_does(asked):
    with pytest.raises(WindowRequiredError):
        require_window(Filters(**asked))
    require_window(Filters(**asked, created_after=datetime.now(UTC) - DAY + timedelta(minutes=1)))
    require_window(Filters(**asked, created_after=NOW - 9 * DAY, created_before=NOW - 8 * DAY))


@pytest.mark.parametrize(
    "window",
    [
        {"created_after": NOW - DAY - timedelta(minutes=1)},
        {"created_before": NOW},
        {"created_after": NOW - 2 * DAY, "created_before": NOW - DAY / 2},
    ],
)
def test_a_window_that_is_open_or_long_is_none(window):
    with pytest.raises(WindowRequiredError):
        require_window(Filters(**window))
