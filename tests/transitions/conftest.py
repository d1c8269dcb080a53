"""Deliveries made through the one door, in the states that the tests start from."""

from datetime import UTC, datetime, timedelta

import pytest

from deliveries.database import atomic
from deliveries.models import Worker
from deliveries.payload import Mailbox, Payload
from deliveries.states import DeliveryStatus, PayloadMode, Source
from deliveries.transitions.claim import claim
from deliveries.transitions.creation import NewDelivery, create
from deliveries.transitions.handout import hand_out


@pytest.fixture
def worker():
    until = datetime.now(UTC) + timedelta(hours=1)
    return Worker.objects.create(type="attempts", host="h", pid=1, capacity=4, lease_until=until)


@pytest.fixture
def new():
    def make(delivery_id="d-1", **changes):
        values = {
            "delivery_id": delivery_id,
            "source": Source.NOTIFICATION,
            "payload_mode": PayloadMode.RENDERED,
            "status": DeliveryStatus.QUEUED,
            "idempotency_key": f"key-{delivery_id}",
            "fingerprint": b"f" * 32,
            "message_id": f"<{delivery_id}@example.com>",
            "requested_at": datetime.now(UTC),
            "payload": Payload(
                to=(Mailbox("a@example.org", "Ada"),), subject="Hello", text_body="Text"
            ),
        }
        return NewDelivery(**{**values, **changes})

    return make


@pytest.fixture
def accept():
    def write(*deliveries, ttl=timedelta(days=7)):
        with atomic():
            return create(deliveries=deliveries, idempotency_ttl=ttl)

    return write


@pytest.fixture
def begin(worker):
    """Hand out what is due and claim it; the rows that the worker got."""

    def take(limit=100):
        for source in Source:
            hand_out(source=source, bound=100, batch=100)
        return claim(worker_id=worker.id, limit=limit, last_lane=2)

    return take
