"""Accepting without looking first: the same answers as with it, whatever stands already."""

from datetime import UTC, datetime, timedelta

import pytest

from deliveries.catalog.catalog import load_catalog
from deliveries.conf import SmtpMode
from deliveries.intake.accept import Accepted, Acceptor, Duplicate
from deliveries.intake.rejection import Rejection
from deliveries.models import Delivery, DeliveryPayload, IdempotencyReservation
from tests.factories import CommandFactory, TemplatePayloadFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acceptor(settings):
    config = settings.MAIL
    assert config.smtp_mode is SmtpMode.SMTP
    catalog = load_catalog(directory=config.template_dir, default_locale=config.default_locale)
    return Acceptor(config=config, catalog=catalog)


def command(key, delivery_id=None, **payload):
    changes = {"idempotency_key": key, "delivery_id": delivery_id or f"d-{key}"}
    return CommandFactory(payload=TemplatePayloadFactory(**payload), changes=changes)


CODE = {"code": "1"}


def test_new_ones_are_written(acceptor):
    results = acceptor.accept_fresh([command("a"), command("b")])
    assert [type(result) for result in results] == [Accepted, Accepted]
    assert set(Delivery.objects.values_list("delivery_id", flat=True)) == {"d-a", "d-b"}
    assert DeliveryPayload.objects.filter(text_body__isnull=False).count() == 2


def test_repetitions_among_them_are_found(acceptor):
    acceptor.accept_fresh([command("a", variables=CODE)])
    results = acceptor.accept_fresh(
        [
            command("new"),
            command("a", "other", variables=CODE),
            command("a", "another", variables={"code": "2"}),
            command("twice", "t-1", variables=CODE),
            command("twice", "t-2", variables=CODE),
        ]
    )
    assert results[0] == Accepted("d-new", results[0].status)
    assert results[1] == Duplicate("d-a")
    assert isinstance(results[2], Rejection)
    assert results[2].code == "idempotency_conflict"
    assert results[3] == Accepted("t-1", results[3].status)
    assert results[4] == Duplicate("t-1")
    assert Delivery.objects.count() == 3


def test_what_cannot_be_rendered_is_rejected(acceptor):
    gone = command("a", template_id="no.such")
    results = acceptor.accept_fresh([gone, command("b", variables={})])
    assert [result.code for result in results] == [
        "template_not_found",
        "template_variable_missing",
    ]
    assert Delivery.objects.count() == 0


def test_an_expired_key_is_taken_over(acceptor):
    acceptor.accept_fresh([command("a", variables=CODE)])
    IdempotencyReservation.objects.update(expires_at=datetime.now(UTC) - timedelta(1))
    (result,) = acceptor.accept_fresh([command("a", "second", variables={"code": "2"})])
    assert result == Accepted("second", result.status)


def test_what_the_database_refuses_leaves_the_others_alone(acceptor):
    acceptor.accept_fresh([command("a", "taken")])
    results = acceptor.accept_fresh([command("x"), command("y", "taken", variables=CODE)])
    assert isinstance(results[0], Accepted)
    assert results[1].code == "delivery_id_conflict"
    assert set(Delivery.objects.values_list("delivery_id", flat=True)) == {"taken", "d-x"}


def test_many_are_written_as_few_are(acceptor):
    for count in (9, 10, 11):
        commands = [command(f"{count}-{n}", variables={"code": f"€{n}"}) for n in range(count)]
        results = acceptor.accept_fresh(commands)
        assert all(isinstance(result, Accepted) for result in results)
        for made in commands:
            payload = DeliveryPayload.objects.get(delivery__delivery_id=made.delivery_id)
            assert payload.variables == made.members.content.variables
            assert payload.mailboxes == {"to": [{"email": "ada@example.org", "name": ""}]}
            row = Delivery.objects.get(delivery_id=made.delivery_id)
            assert bytes(row.fingerprint) != b""
            assert row.requested_at == made.requested_at
