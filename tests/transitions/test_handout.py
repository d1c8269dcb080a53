"""Which deliveries are handed out, in which order, and how many."""

import pytest

from deliveries.models import Attempt, Delivery
from deliveries.states import Source
from deliveries.transitions.handout import HandedOut, hand_out, look_ahead
from tests.transitions.deliveries import HOUR, delivery, later

pytestmark = pytest.mark.django_db(transaction=True)


def test_hands_out_what_is_due_oldest_first_up_to_the_bound(new, accept):
    accept(*[new(f"d-{n}") for n in range(5)])
    for n in range(5):
        Delivery.objects.filter(delivery_id=f"d-{n}").update(next_attempt_at=later(-n * HOUR))
    handed_out = hand_out(source=Source.NOTIFICATION, bound=2, batch=10)
    assert (handed_out.count, handed_out.is_full) == (2, False)
    handed = Attempt.objects.values_list("delivery__delivery_id", flat=True)
    assert set(handed) == {"d-4", "d-3"}
    assert hand_out(source=Source.NOTIFICATION, bound=2, batch=10).count == 0
    assert delivery("d-4").status == "sending"
    assert delivery("d-4").attempt_count == 1
    assert delivery("d-4").next_attempt_at is None


def test_a_full_lane_leaves_the_others_alone(new, accept):
    accept(new("d-1"), new("d-2"), new("login", source=Source.AUTHSESSION))
    assert hand_out(source=Source.NOTIFICATION, bound=1, batch=10).count == 1
    assert hand_out(source=Source.AUTHSESSION, bound=1, batch=10).count == 1


def test_leaves_the_future_and_the_expired_alone(new, accept):
    accept(new("d-1", send_at=later(HOUR)), new("d-2", expires_at=later(-HOUR)))
    nothing = HandedOut(count=0, latest=None, is_full=False)
    assert hand_out(source=Source.NOTIFICATION, bound=9, batch=9) == nothing


def test_says_when_the_batch_was_the_limit(new, accept):
    accept(new("d-1"), new("d-2"))
    assert hand_out(source=Source.NOTIFICATION, bound=9, batch=1).is_full


def test_says_how_far_it_came_and_leaves_what_is_below_a_floor(new, accept):
    accept(new("d-1"), new("d-2"), new("d-3"))
    times = {f"d-{n}": later(-n * HOUR) for n in (1, 2, 3)}
    for name, time in times.items():
        Delivery.objects.filter(delivery_id=name).update(next_attempt_at=time)
    above = hand_out(source=Source.NOTIFICATION, bound=9, batch=9, floor=times["d-2"])
    assert (above.count, above.latest) == (2, times["d-1"])
    assert delivery("d-3").status == "queued"
    below = hand_out(source=Source.NOTIFICATION, bound=9, batch=9)
    assert (below.count, below.latest) == (1, times["d-3"])


def test_looks_ahead_from_the_floor_on(new, accept, worker):
    accept(new("d-1"))
    assert look_ahead()[1] == [Source.NOTIFICATION]
    assert look_ahead({Source.NOTIFICATION: later(HOUR)})[1] == []
