"""What one step of a scheduler hands out."""

import pytest

from deliveries.models import Hold
from deliveries.schedule.scheduler import Scheduler
from deliveries.states import Source
from tests.transitions.deliveries import delivery

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_step_hands_out_lane_by_lane_and_leaves_held_sources(new, accept, worker):
    accept(new("d-1"), new("d-2", source=Source.OPERATOR_RESEND))
    Hold.objects.create(source="notification", reason="maintenance")
    scheduler = Scheduler()
    assert scheduler.step() is False
    assert (delivery("d-1").status, delivery("d-2").status) == ("queued", "sending")


def test_nothing_is_handed_out_while_no_worker_lives(new, accept):
    accept(new())
    Scheduler().step()
    assert delivery().status == "queued"
