"""The trigger that watches the moves of these tests sees what it is for."""

import pytest
from django.db import DatabaseError

from deliveries.models import Delivery
from tests.transitions.deliveries import HOUR, later

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_move_that_is_not_in_the_table_is_seen(new, accept):
    accept(new())
    with pytest.raises(DatabaseError, match="no move from queued to dead_letter"):
        Delivery.objects.update(
            status="dead_letter", next_attempt_at=None, finished_at=later(-HOUR)
        )
