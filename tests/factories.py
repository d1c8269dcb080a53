"""Valid payloads, entries and commands, each like no other made in the run, and new deliveries.

    StreamEntryFactory(payload=TemplatePayloadFactory(locale="de"))
    CommandFactory(payload=RenderedPayloadFactory(cc=["eve@example.org"]))
    accept(NewDeliveryFactory(delivery_id="d-2"))

What is wrong in one particular way stands in `tests.malformed_examples`.
"""

from datetime import UTC, datetime, timedelta

import factory

from deliveries.database import atomic
from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry
from deliveries.payload import Mailbox, Payload
from deliveries.states import DeliveryStatus, PayloadMode, Source
from deliveries.transitions.creation import NewDelivery, create
from tests.malformed_examples import fields

MAX_PAYLOAD_BYTES = 5 * 1024 * 1024


class RenderedPayloadFactory(factory.DictFactory):
    to = factory.LazyFunction(lambda: [{"email": "ada@example.org", "name": "Ada"}])
    subject = factory.Sequence("Your order {} has left us".format)
    text_body = "It will be with you on Friday.\n"


class TemplatePayloadFactory(factory.DictFactory):
    to = factory.LazyFunction(lambda: ["ada@example.org"])
    template_id = "auth.login_code"
    locale = "en"
    variables = factory.Sequence(lambda number: {"code": f"{number:06}"})


class StreamEntryFactory(factory.Factory):
    """`payload` is an object or bytes; `changes` replaces fields, and None takes one out."""

    class Meta:
        model = StreamEntry
        exclude = ("number", "payload", "changes")

    number = factory.Sequence(int)
    payload = factory.SubFactory(RenderedPayloadFactory)
    changes = factory.LazyFunction(dict)
    entry_id = factory.LazyAttribute(lambda made: f"{1_790_000_000_000 + made.number}-0")
    fields = factory.LazyAttribute(
        lambda made: tuple(fields(made.number, payload=made.payload, **made.changes).items())
    )


def _read(*, payload, changes):
    entry = StreamEntryFactory(payload=payload, changes=changes)
    return parse_entry(entry=entry, max_payload_bytes=MAX_PAYLOAD_BYTES)


class CommandFactory(factory.Factory):
    """A `Command` as the service reads it from its entry; raises Rejection as that does."""

    class Meta:
        model = _read

    payload = factory.SubFactory(RenderedPayloadFactory)
    changes = factory.LazyFunction(dict)


class NewDeliveryFactory(factory.Factory):
    """What intake hands to the one door: a rendered notification, due at once."""

    class Meta:
        model = NewDelivery

    delivery_id = "d-1"
    source = Source.NOTIFICATION
    payload_mode = PayloadMode.RENDERED
    status = DeliveryStatus.QUEUED
    idempotency_key = factory.LazyAttribute("key-{0.delivery_id}".format)
    fingerprint = b"f" * 32
    message_id = factory.LazyAttribute("<{0.delivery_id}@example.com>".format)
    requested_at = factory.LazyFunction(lambda: datetime.now(UTC))
    payload = Payload(to=(Mailbox("a@example.org", "Ada"),), subject="Hello", text_body="Text")


def accept(*deliveries, ttl=timedelta(days=7)):
    """The places of those that were written; the others' keys or ids were taken."""
    with atomic():
        return create(deliveries=deliveries, idempotency_ttl=ttl)
