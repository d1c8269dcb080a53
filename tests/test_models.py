"""The constraints of the tables."""

import pytest
from django.db import IntegrityError, connection

from deliveries.database import atomic
from tests.factories import NewDeliveryFactory, accept

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE deliveries SET status = 'lost'",
        "UPDATE deliveries SET status = 'sent'",
        "UPDATE deliveries SET next_attempt_at = NULL",
        "UPDATE deliveries SET attempt_count = -1",
        "UPDATE deliveries SET last_failure_code = 'bad luck'",
        "INSERT INTO attempts (delivery_pk, attempt_no, lane, status, scheduled_for)"
        " SELECT id, 1, 0, 'in_progress', now() FROM deliveries",
    ],
)
def test_the_impossible_is_impossible(wrong):
    accept(NewDeliveryFactory())
    with pytest.raises(IntegrityError), atomic(), connection.cursor() as cursor:
        cursor.execute(wrong)
