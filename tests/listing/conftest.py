"""Deliveries written by the one door, with the columns of a test's choice."""

from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import Delivery
from deliveries.payload import Mailbox, Payload
from deliveries.states import TERMINAL, Source
from tests.factories import NewDeliveryFactory, accept


@pytest.fixture
def deliver(transactional_db):
    """Writes one delivery; `columns` are set afterwards."""

    def write(delivery_id, *, key=None, source=Source.NOTIFICATION, columns=None, **groups):
        mailboxes = {
            name: tuple(map(Mailbox, addresses))
            for name, addresses in {"to": ["ada@example.org"], **groups}.items()
        }
        new = NewDeliveryFactory(
            delivery_id=delivery_id,
            source=source,
            idempotency_key=key or f"key-{delivery_id}",
            payload=Payload(**mailboxes, subject="Hello", text_body="Text"),
        )
        accept(new, ttl=timedelta(-1))
        if columns:
            status = columns.get("status", "queued")
            moved = {
                "next_attempt_at": datetime.now(UTC) if status in ("queued", "rendered") else None,
                "finished_at": datetime.now(UTC) if status in TERMINAL else None,
            }
            Delivery.objects.filter(delivery_id=delivery_id).update(**{**moved, **columns})
        return Delivery.objects.get(delivery_id=delivery_id)

    return write
