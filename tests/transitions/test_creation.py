"""What acceptance writes, and what keys and ids keep it from writing."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError

from deliveries.database import Fault, describe, fault_of
from deliveries.models import Attachment, Delivery, DeliveryPayload, IdempotencyReservation
from deliveries.payload import Attachment as File
from deliveries.payload import Mailbox, Payload
from deliveries.states import Source
from tests.transitions.deliveries import HOUR, delivery, later

pytestmark = pytest.mark.django_db(transaction=True)


def test_writes_the_delivery_its_payload_and_its_reservation(new, accept):
    payload = Payload(
        to=(Mailbox("a@example.org", "Ada"),),
        bcc=(Mailbox("b@example.org"),),
        subject="Hi",
        text_body="Text",
        headers=(("X-One", "1"),),
        attachments=(File("a.pdf", "application/pdf", b"\x00\xff"),),
    )
    assert accept(new(payload=payload)) == {0}
    row = delivery()
    assert (row.status, row.attempt_count, row.finished_at) == ("queued", 0, None)
    assert row.next_attempt_at == row.created_at
    stored = DeliveryPayload.objects.get(delivery=row)
    assert stored.mailboxes["bcc"] == [{"email": "b@example.org", "name": ""}]
    assert (stored.headers, stored.attachment_count) == ([["X-One", "1"]], 1)
    assert bytes(Attachment.objects.get(delivery=row).content) == b"\x00\xff"
    reservation = IdempotencyReservation.objects.get(delivery=row)
    assert reservation.expires_at - row.created_at == timedelta(days=7)


def test_waits_for_send_at_and_keeps_the_key_from_then_on(new, accept):
    send_at = later(3 * HOUR)
    accept(new(send_at=send_at))
    assert delivery().next_attempt_at == send_at
    assert IdempotencyReservation.objects.get().expires_at == send_at + timedelta(days=7)


def test_a_living_key_refuses_the_newcomer_alone(new, accept):
    accept(new("d-1"))
    assert accept(new("d-2", idempotency_key="key-d-1"), new("d-3")) == {1}
    assert set(Delivery.objects.values_list("delivery_id", flat=True)) == {"d-1", "d-3"}


def test_an_expired_key_is_taken_over(new, accept):
    accept(new("d-1"), ttl=-HOUR)
    assert accept(new("d-2", idempotency_key="key-d-1")) == {0}
    assert IdempotencyReservation.objects.get().delivery == delivery("d-2")


def test_the_same_key_of_another_source_is_another_key(new, accept):
    accept(new("d-1"))
    other = new("d-2", idempotency_key="key-d-1", source=Source.OPERATOR_RESEND)
    assert accept(other) == {0}


def test_a_taken_delivery_id_fails_the_batch_as_an_entry_fault(new, accept):
    accept(new("d-1"))
    with pytest.raises(IntegrityError) as caught:
        accept(new("d-1", idempotency_key="other"), new("d-2"))
    assert fault_of(caught.value) is Fault.ENTRY
    assert describe(caught.value) == "IntegrityError 23505"
    assert Delivery.objects.count() == 1


def test_a_value_that_the_database_refuses_is_an_entry_fault(new, accept):
    payload = Payload(
        to=(Mailbox("a@example.org"),), subject="S", text_body="T", variables={"a": "\x00"}
    )
    with pytest.raises(DatabaseError) as caught:
        accept(new(payload=payload))
    assert fault_of(caught.value) is Fault.ENTRY
