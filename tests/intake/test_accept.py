"""What is known already is answered alike, whatever the clock and the catalog say by now."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deliveries.catalog.catalog import Catalog, load_catalog
from deliveries.intake.accept import Acceptor, Duplicate
from tests.factories import CommandFactory, RenderedPayloadFactory, TemplatePayloadFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("accept", [Acceptor.accept, Acceptor.accept_fresh]),
]


@pytest.fixture
def catalog(settings):
    config = settings.MAIL
    return load_catalog(directory=config.template_dir, default_locale=config.default_locale)


def command(payload, *, delivery_id):
    changes = {"idempotency_key": "key", "delivery_id": delivery_id}
    return CommandFactory(payload=payload, changes=changes)


def test_a_repetition_is_known_before_the_clock_is_asked(accept, settings, catalog):
    """Its `send_at` is farther away than a command accepted today may wait."""
    retention = settings.MAIL.delivery_retention
    payload = RenderedPayloadFactory(send_at=(datetime.now(UTC) + 2 * retention).isoformat())
    longer = replace(settings.MAIL, delivery_retention=3 * retention)
    Acceptor(config=longer, catalog=catalog).accept([command(payload, delivery_id="first")])
    repeated = command(payload, delivery_id="second")
    acceptor = Acceptor(config=settings.MAIL, catalog=catalog)
    assert accept(acceptor, [repeated]) == [Duplicate("first")]


def test_a_repetition_is_known_before_the_catalog_is_asked(accept, settings, catalog):
    """Its template is gone."""
    payload = TemplatePayloadFactory()
    acceptor = Acceptor(config=settings.MAIL, catalog=catalog)
    acceptor.accept([command(payload, delivery_id="first")])
    empty = Catalog(templates={}, default_locale="en", digest="")
    repeated = command(payload, delivery_id="second")
    assert accept(Acceptor(config=settings.MAIL, catalog=empty), [repeated]) == [Duplicate("first")]
