"""What the end of a delivery's time ends, and what it leaves alone."""

import pytest

from deliveries.models import Attempt, Delivery, DeliveryPayload
from deliveries.states import Source
from deliveries.transitions.expiry import expire, expire_in_hand
from deliveries.transitions.handout import hand_out
from tests.transitions.deliveries import HOUR, delivery, later

pytestmark = pytest.mark.django_db(transaction=True)


def test_ends_what_waits_and_what_is_handed_out_and_nothing_in_hand(new, accept, begin, worker):
    accept(new("in-hand", expires_at=later(HOUR)))
    (row,) = begin()
    accept(new("handed-out", expires_at=later(HOUR)))
    hand_out(source=Source.NOTIFICATION, bound=9, batch=9)
    accept(new("waiting", expires_at=later(HOUR)), new("fresh"))
    Delivery.objects.update(expires_at=later(-HOUR))
    Delivery.objects.filter(delivery_id="fresh").update(expires_at=later(HOUR))
    assert expire(batch=10).count == 2
    states = dict(Delivery.objects.values_list("delivery_id", "status"))
    assert states == {
        "waiting": "failed",
        "handed-out": "failed",
        "in-hand": "sending",
        "fresh": "queued",
    }
    assert delivery("handed-out").last_failure_code == "expired"
    assert delivery("handed-out").attempt_count == 0
    assert expire_in_hand(worker_id=worker.id, attempt_ids=[row.attempt_id]).count == 1
    assert delivery("in-hand").status == "failed"
    assert Attempt.objects.count() == 0


def test_whoever_had_accepted_it_makes_it_sent(new, accept):
    accept(new(expires_at=later(HOUR)))
    Delivery.objects.update(expires_at=later(-HOUR), recipients_accepted=1)
    assert expire(batch=10).count == 1
    assert (delivery().status, delivery().last_failure_code) == ("sent", None)


def test_erases_login_codes(new, accept):
    accept(new(source=Source.AUTHSESSION, expires_at=later(HOUR)))
    Delivery.objects.update(expires_at=later(-HOUR))
    expire(batch=10)
    assert DeliveryPayload.objects.get().text_body is None
