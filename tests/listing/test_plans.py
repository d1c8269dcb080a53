"""Every list on 200,000 rows goes through the index that was made for it.

Lists are planned for what they ask each time (`listing.pages`), so generic plans are not looked at.
"""

import pytest

from deliveries.listing import statements as listing
from deliveries.states import DeliveryStatus
from tests.plans import check_plan, custom_plan, filled

__all__ = ["filled"]

pytestmark = pytest.mark.slow

LIST = {
    **dict.fromkeys(
        (
            "status",
            "source",
            "recipient",
            "template_id",
            "idempotency_key",
            "created_after",
            "created_before",
            "finished_after",
            "failure_code",
        )
    ),
    "low": 0,
    "high": 2**62,
    "limit": 51,
}

CASES = [
    (listing.PAGE, LIST, {"deliveries_pkey"}),
    *(
        (listing.PAGE_OF_STATUS[status], LIST, {"deliveries_status"})
        for status in DeliveryStatus
        if status not in {DeliveryStatus.SENT, DeliveryStatus.SENDING}
    ),
    (
        listing.PAGE_OF_STATUS[DeliveryStatus.SENDING],
        LIST,
        {"attempts_scheduled", "attempts_in_progress"},
    ),
    (listing.PAGE_OF_KEY, LIST | {"idempotency_key": "k-7"}, {"deliveries_idempotency_key"}),
    (
        listing.PAGE_OF_RECIPIENT,
        LIST
        | {
            "recipient": "r-7@example.org",
            "in_to": '{"to": [{"email": "r-7@example.org"}]}',
            "in_cc": '{"cc": [{"email": "r-7@example.org"}]}',
            "in_bcc": '{"bcc": [{"email": "r-7@example.org"}]}',
        },
        {"delivery_payloads_first_to", "delivery_payloads_others"},
    ),
    (listing.ONE, {"delivery_id": "d-1"}, {"deliveries_delivery_id"}),
    (listing.ATTEMPTS, {"delivery_id": "d-1"}, {"attempts_attempt_no"}),
]


def test_every_list_takes_its_index_and_reads_no_large_table_whole(filled):
    for statement, parameters, indexes in CASES:
        check_plan(statement, custom_plan(statement, parameters), indexes=indexes)
