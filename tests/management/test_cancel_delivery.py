"""cancel_delivery as an operator types it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import Attempt, Delivery, DeliveryPayload
from deliveries.states import DeliveryStatus, PayloadMode, Source
from deliveries.transitions.handout import hand_out

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_waits_ends_as_cancelled(manage, accepted):
    accepted(send_at=datetime.now(UTC) + timedelta(days=3))
    status, out, err = manage("cancel_delivery", "d-1")

    assert (status, out, err) == (0, "d-1: cancelled\n", "")
    row = Delivery.objects.get()
    assert (row.status, row.last_failure_code, row.next_attempt_at) == ("failed", "cancelled", None)
    assert row.finished_at is not None
    assert DeliveryPayload.objects.get().subject == "Hello"


def test_what_is_handed_out_or_over_or_unknown_is_left(manage, accepted):
    accepted("d-out")
    hand_out(source=Source.NOTIFICATION, bound=10, batch=10)
    accepted("d-waits", payload_mode=PayloadMode.TEMPLATE, status=DeliveryStatus.RENDERED)
    accepted("d-over")
    manage("cancel_delivery", "d-over")
    status, out, err = manage("cancel_delivery", "d-out", "d-waits", "d-over", "d-none", "d-waits")

    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "d-out: is handed out already, as sending",
        "d-waits: cancelled",
        "d-over: has ended already, as failed",
        "d-none: there is no such delivery",
    ]
    assert Delivery.objects.get(delivery_id="d-out").status == "sending"
    assert Attempt.objects.get().status == "scheduled"


def test_json(manage, accepted):
    accepted()
    status, out, _ = manage("cancel_delivery", "d-1", "d-none", "--json")

    assert status == 1
    assert json.loads(out) == {"cancelled": ["d-1"], "left": {"d-none": None}}


def test_who_had_it_already_makes_it_sent(manage, accepted):
    accepted()
    Delivery.objects.update(recipients_accepted=2, recipients_left=["b@example.org"])
    status, out, _ = manage("cancel_delivery", "d-1")

    assert status == 0
    assert out == (
        "d-1: cancelled for the remaining recipients; 2 had already received it,"
        " so it ends as sent\n"
    )
    row = Delivery.objects.get()
    assert (row.status, row.last_failure_code) == ("sent", None)


def test_a_login_code_is_erased_with_it(manage, accepted):
    accepted(source=Source.AUTHSESSION)
    assert manage("cancel_delivery", "d-1")[0] == 0
    payload = DeliveryPayload.objects.get()
    assert payload.subject is payload.text_body is payload.html_body is payload.variables is None


@pytest.mark.parametrize("given", [[], ["a\x00b"], ["a\nb"], ["\udcff"]])
def test_typing_errors(manage, given):
    status, out, err = manage("cancel_delivery", *given)

    assert (status, out) == (2, "")
    assert err.startswith("usage: manage.py cancel_delivery")


def test_no_database(manage, no_database):
    assert manage("cancel_delivery", "d-1")[0] == 69
