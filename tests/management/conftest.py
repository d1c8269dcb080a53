"""Commands as an operator types them, and deliveries for them to work on."""

import pytest
from django.db import connection

from deliveries.models import Delivery
from deliveries.payload import Mailbox, Payload
from tests.factories import NewDeliveryFactory, accept

SECRET = "492817"


@pytest.fixture
def accepted(transactional_db):
    """Accept a delivery through the one door; returns its row."""

    def make(delivery_id="d-1", **changes):
        secret = Payload(
            to=(Mailbox("a@example.org", "Ada"),), subject="Hello", text_body=f"Code {SECRET}"
        )
        accept(NewDeliveryFactory(delivery_id=delivery_id, **{"payload": secret, **changes}))
        return Delivery.objects.get(delivery_id=delivery_id)

    return make


@pytest.fixture
def no_database(monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    yield
    connection.close()
