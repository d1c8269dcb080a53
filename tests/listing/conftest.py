"""Deliveries written by the one door, with the columns of a test's choice."""

from datetime import UTC, datetime, timedelta

import pytest

from deliveries.database import atomic
from deliveries.models import Delivery
from deliveries.payload import Mailbox, Payload
from deliveries.states import TERMINAL, DeliveryStatus, PayloadMode, Source
from deliveries.transitions.creation import NewDelivery, create


@pytest.fixture
def deliver(transactional_db):
    """Writes one delivery; `columns` are set afterwards."""

    def write(delivery_id, *, key=None, source=Source.NOTIFICATION, columns=None, **groups):
        mailboxes = {
            name: tuple(map(Mailbox, addresses))
            for name, addresses in {"to": ["ada@example.org"], **groups}.items()
        }
        new = NewDelivery(
            delivery_id=delivery_id,
            source=source,
            payload_mode=PayloadMode.RENDERED,
            status=DeliveryStatus.QUEUED,
            idempotency_key=key or f"key-{delivery_id}",
            fingerprint=b"f" * 32,
            message_id=f"<{delivery_id}@example.com>",
            requested_at=datetime.now(UTC),
            payload=Payload(**mailboxes, subject="Hello", text_body="Text"),
        )
        with atomic():
            create(deliveries=[new], idempotency_ttl=timedelta(-1))
        if columns:
            status = columns.get("status", "queued")
            moved = {
                "next_attempt_at": datetime.now(UTC) if status in ("queued", "rendered") else None,
                "finished_at": datetime.now(UTC) if status in TERMINAL else None,
            }
            Delivery.objects.filter(delivery_id=delivery_id).update(**{**moved, **columns})
        return Delivery.objects.get(delivery_id=delivery_id)

    return write
