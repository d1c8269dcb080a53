"""Commands as an operator types them, and deliveries for them to work on."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import execute_from_command_line
from django.db import connection

from deliveries.database import atomic
from deliveries.models import Delivery
from deliveries.payload import Mailbox, Payload
from deliveries.states import DeliveryStatus, PayloadMode, Source
from deliveries.transitions.creation import NewDelivery, create

SECRET = "492817"


@pytest.fixture
def manage(capsys):
    """Exit status, standard output and standard error of one command."""

    def run(*arguments):
        status = 0
        try:
            execute_from_command_line(["manage.py", *map(str, arguments)])
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return run


@pytest.fixture
def accepted(transactional_db):
    """Accept a delivery through the one door; returns its row."""

    def accept(delivery_id="d-1", **changes):
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
                to=(Mailbox("a@example.org", "Ada"),), subject="Hello", text_body=f"Code {SECRET}"
            ),
        }
        with atomic():
            create(
                deliveries=[NewDelivery(**{**values, **changes})],
                idempotency_ttl=timedelta(days=7),
            )
        return Delivery.objects.get(delivery_id=delivery_id)

    return accept


@pytest.fixture
def no_database(monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    yield
    connection.close()
