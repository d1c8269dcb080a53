"""Texts that PostgreSQL cannot hold end their own command, never the stream behind it."""

import json

import pytest

from deliveries.catalog.catalog import load_catalog
from deliveries.intake.accept import Accepted, Acceptor
from deliveries.models import Delivery, DeliveryPayload
from tests.factories import CommandFactory, TemplatePayloadFactory

pytestmark = pytest.mark.django_db(transaction=True)

HALF, NUL = "\ud83d", "a\x00b"
BATCHES = (1, 3, 12)  # alone, as one document, as arrays


@pytest.fixture(params=["accept", "accept_fresh"])
def accept_all(request, settings, tmp_path):
    """Accepts a batch by a catalog whose one template shows `name` and ignores `spare`."""
    folder = tmp_path / "one"
    (folder / "en").mkdir(parents=True)
    manifest = {"variables": {"required": ["name"], "optional": ["spare"]}, "examples": []}
    manifest["examples"].append({"name": "Ada", "spare": "x"})
    (folder / "template.json").write_text(json.dumps(manifest))
    (folder / "en" / "subject.txt").write_text("Hello")
    (folder / "en" / "text.txt").write_text("Hello {{ name }}{% if spare and false %}{% endif %}")
    catalog = load_catalog(directory=tmp_path, default_locale="en")
    return getattr(Acceptor(config=settings.MAIL, catalog=catalog), request.param)


def batch(size, **variables):
    """Sound commands, and a last one with such variables."""
    return [
        CommandFactory(
            payload=TemplatePayloadFactory(template_id="one", variables={"name": "Ada", **extra}),
            changes={"delivery_id": f"d-{n}", "idempotency_key": f"k-{n}"},
        )
        for n, extra in enumerate([{}] * (size - 1) + [variables])
    ]


@pytest.mark.parametrize("size", BATCHES)
@pytest.mark.parametrize("text", [HALF, NUL])
def test_what_is_not_declared_is_ignored_and_not_stored(accept_all, size, text):
    results = accept_all(batch(size, extra=text, **{f"name {text}": 1}))
    assert [type(result) for result in results] == [Accepted] * size
    stored = DeliveryPayload.objects.get(delivery__delivery_id=f"d-{size - 1}")
    assert stored.variables == {"name": "Ada"}


@pytest.mark.parametrize("size", BATCHES)
@pytest.mark.parametrize("value", [HALF, NUL, {"deep": [1, {HALF: 1}]}, [NUL]])
def test_what_is_declared_and_not_shown_is_refused_alone(accept_all, size, value):
    *others, refused = accept_all(batch(size, spare=value))
    assert refused.code == "unstorable"
    assert all(isinstance(result, Accepted) for result in others)
    assert Delivery.objects.count() == size - 1
