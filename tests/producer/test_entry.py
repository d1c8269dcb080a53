"""What the package writes is what the service reads."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.conf.variables import BY_FIELD
from deliveries.intake import command as intake
from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry
from deliveries.producer import (
    DEFAULT_STREAM,
    Attachment,
    InvalidCommandError,
    Mailbox,
    RenderedMail,
    TemplateMail,
    TraceContext,
    delivery_id_of,
)
from deliveries.producer import entry as written
from deliveries.producer.entry import entry_fields
from deliveries.states import PayloadMode, Source

PLAIN = RenderedMail(to=["ada@example.org"], subject="Hello", text_body="Text")
TRACE = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1")


def read(fields):
    pairs = tuple((name.encode(), value) for name, value in fields.items())
    return parse_entry(entry=StreamEntry("1-0", pairs), max_payload_bytes=10_000_000)


def test_a_rendered_mail_with_everything():
    send_at = datetime(2026, 11, 24, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    mail = RenderedMail(
        to=["ada@example.org", Mailbox("eve@example.org", "Eve")],
        cc=["c@example.org"],
        bcc=[Mailbox("d@example.org")],
        reply_to=("r@example.org",),
        subject="Grüße",
        text_body="Text",
        html_body="<p>Text</p>",
        attachments=[Attachment("a.bin", "application/octet-stream", bytes(range(256)))],
        headers={"X-Issue": "7"},
        send_at=send_at,
        expires_at=send_at + timedelta(days=1),
    )
    command = read(
        entry_fields(mail, idempotency_key="k", delivery_id="d", request_id="r", trace=TRACE)
    )
    members = command.members
    assert [(box.address, box.name) for box in members.to] == [
        ("ada@example.org", ""),
        ("eve@example.org", "Eve"),
    ]
    groups = [*members.cc, *members.bcc, *members.reply_to]
    assert [box.address for box in groups] == ["c@example.org", "d@example.org", "r@example.org"]
    assert (members.content.subject, members.content.text_body) == ("Grüße", "Text")
    assert members.content.html_body == "<p>Text</p>"
    assert members.attachments[0].content == bytes(range(256))
    assert members.headers == (("X-Issue", "7"),)
    assert members.send_at == send_at
    assert members.expires_at == send_at + timedelta(days=1)
    assert (command.delivery_id, command.idempotency_key, command.request_id) == ("d", "k", "r")
    assert (command.traceparent, command.tracestate) == (TRACE.traceparent, "a=1")


def test_a_template_mail():
    mail = TemplateMail(
        to=["ada@example.org"],
        template_id="auth.login_code",
        locale="de",
        variables={"code": "1", "list": [1, None, {"a": 2.5}]},
    )
    command = read(entry_fields(mail, idempotency_key="k"))
    assert command.payload_mode is PayloadMode.TEMPLATE
    assert command.members.content.template_id == "auth.login_code"
    assert command.members.content.variables == {"code": "1", "list": [1, None, {"a": 2.5}]}


def test_what_is_not_given_is_not_written():
    fields = entry_fields(PLAIN, idempotency_key="k")
    assert set(fields) == set(intake._REQUIRED)
    assert set(json.loads(fields["payload_json"])) == {"to", "subject", "text_body"}


def test_a_repetition_is_the_same_command():
    first, second = (entry_fields(PLAIN, idempotency_key="order:1") for _ in range(2))
    for name in ("delivery_id", "idempotency_key", "payload_json"):
        assert first[name] == second[name]
    assert first["delivery_id"].decode() == delivery_id_of("order:1")
    assert delivery_id_of("order:1") != delivery_id_of("order:2")
    # held: producers of different versions must agree
    assert delivery_id_of("order:1") == "c4a9fa27-6e92-59d8-81e9-4a983466b44e"


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255))
def test_every_key_is_the_services_too(key):
    assert read(entry_fields(PLAIN, idempotency_key=key)).idempotency_key == key


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_variables_arrive_as_they_are_or_are_refused(value):
    mail = TemplateMail(to=["a@b.org"], template_id="t", locale="en", variables={"v": value})
    try:
        fields = entry_fields(mail, idempotency_key="k")
    except InvalidCommandError:
        assert not _can_be_said(value)
    else:
        assert read(fields).members.content.variables == {"v": value}


def _can_be_said(value):
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(map(_can_be_said, value))
    if isinstance(value, dict):
        return all(_can_be_said(name) and _can_be_said(item) for name, item in value.items())
    return True


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "a b"}, "idempotency_key"),
        ({"idempotency_key": "k" * 256}, "idempotency_key"),
        ({"delivery_id": "a b"}, "delivery_id"),
        ({"delivery_id": "d" * 129}, "delivery_id"),
        ({"max_payload_bytes": 20}, "larger than 20 bytes"),
        ({"subject": "\ud800"}, "JSON"),
        ({"to": "ada@example.org"}, "to: must be a list"),
        ({"send_at": datetime(2026, 1, 1)}, "send_at: has no time zone"),  # noqa: DTZ001 - the fault itself
        ({"text_body": b"s3cret"}, "JSON"),
        ({"headers": {"X-A": b"s3cret"}}, "JSON"),
    ],
)
def test_what_cannot_be_a_command(given_, said):
    options = {"idempotency_key": "k"}
    options |= {
        name: given_.pop(name)
        for name in ("idempotency_key", "delivery_id", "max_payload_bytes")
        if name in given_
    }
    members = {"to": ["a@b.org"], "subject": "S", "text_body": "T", **given_}
    with pytest.raises(InvalidCommandError, match=said) as caught:
        entry_fields(RenderedMail(**members), **options)
    assert "s3cret" not in str(caught.value)


def test_variables_too_deep_to_be_written():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    mail = TemplateMail(to=["a@b.org"], template_id="t", locale="en", variables={"v": deep})
    with pytest.raises(InvalidCommandError, match="JSON"):
        entry_fields(mail, idempotency_key="k")


def test_what_helps_to_follow_a_mail_keeps_none_back():
    broken = TraceContext("00-xyz", "a=1")
    fields = entry_fields(PLAIN, idempotency_key="k", request_id="a\nb", trace=broken)
    assert not {"request_id", "traceparent", "tracestate"} & set(fields)


def test_what_is_shown_of_a_mail_is_nobodys():
    mail = RenderedMail(
        to=["ada@example.org"], bcc=["eve@example.org"], subject="s3cret", text_body="s3cret"
    )
    assert "example.org" not in repr(mail)
    assert "s3cret" not in repr(mail)


def test_both_sides_have_the_same_limits():
    assert written._KEY.pattern.encode() == intake._KEY.pattern
    assert written._DELIVERY_ID.pattern.encode() == intake._DELIVERY_ID.pattern
    assert written._REQUEST_ID.pattern.encode() == intake._VISIBLE.pattern
    assert written.SOURCE == Source.NOTIFICATION
    assert {RenderedMail.mode, TemplateMail.mode} == set(PayloadMode)
    assert str(written.DEFAULT_MAX_PAYLOAD_BYTES) == BY_FIELD["max_payload_bytes"].default
    assert BY_FIELD["redis_command_stream"].default == DEFAULT_STREAM


def test_a_time_is_written_with_its_zone():
    mail = RenderedMail(
        to=["a@b.org"], subject="S", text_body="T", send_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert mail.payload()["send_at"] == "2026-01-01T00:00:00+00:00"
