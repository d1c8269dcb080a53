"""Everything that an entry's own bytes can tell."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry
from deliveries.intake.fingerprint import canonical, fingerprint, matches
from deliveries.intake.rejection import Rejection
from deliveries.states import PayloadMode
from tests.malformed_examples import PAYLOAD, STATIC, TEMPLATE, fields

LIMIT = 5_242_880


def parse(entry_fields):
    pairs = tuple(entry_fields.items()) if isinstance(entry_fields, dict) else entry_fields
    return parse_entry(entry=StreamEntry("1-1", pairs), max_payload_bytes=LIMIT)


@pytest.mark.parametrize(("code", "changes"), STATIC)
def test_rejects(code, changes):
    with pytest.raises(Rejection) as caught:
        parse(fields(**changes))
    assert caught.value.code == code
    message = caught.value.message
    assert message.isprintable()
    assert len(message) < 300
    assert not any(private in message for private in ("ada@", "eve@", "Bcc", "123456", "colour"))


def test_a_field_that_is_given_twice_is_rejected():
    pairs = (*fields().items(), (b"source", b"notification"))
    with pytest.raises(Rejection, match="given twice"):
        parse(pairs)


def test_an_entry_cut_by_the_reader_is_too_large():
    entry = StreamEntry("1-1", tuple(fields().items()), oversize=10_000_000)
    with pytest.raises(Rejection) as caught:
        parse_entry(entry=entry, max_payload_bytes=LIMIT)
    assert caught.value.code == "payload_too_large"


def test_a_rendered_command():
    payload = {
        **PAYLOAD,
        "to": ["ada@bücher.example", {"email": "Grace@example.org", "name": "Grace"}],
        "cc": ["ünïcode@example.org"],
        "html_body": "<p>x</p>",
        "headers": {"X-Ref": "7", "References": "<a@b> <c@d>"},
        "attachments": [
            {"filename": "ä.txt", "content_type": "Text/Plain", "content_base64": "AAEC"}
        ],
        "send_at": "2026-11-24T12:00:00.5+01:00",
    }
    command = parse(fields(payload=payload))
    members = command.members
    assert [m.address for m in members.to] == ["ada@xn--bcher-kva.example", "Grace@example.org"]
    assert members.cc[0].needs_smtputf8
    assert members.attachments[0].content == b"\x00\x01\x02"
    assert members.attachments[0].content_type == "text/plain"
    assert members.send_at.isoformat() == "2026-11-24T11:00:00.500000+00:00"
    assert members.headers == (("X-Ref", "7"), ("References", "<a@b> <c@d>"))


def test_a_template_command():
    content = parse(fields(payload=TEMPLATE)).members.content
    assert (content.template_id, content.locale) == ("auth.login_code", "en")


@pytest.mark.parametrize("locale", ["de", "de-AT", "zh-Hant-TW", "es-419", "sl-rozaj-biske"])
def test_locales(locale):
    assert parse(fields(payload={**TEMPLATE, "locale": locale})).members.content.locale == locale


@pytest.mark.parametrize(
    ("traceparent", "kept"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        (b"00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        (b"garbage\r\n", False),
        (b"\xff", False),
    ],
)
def test_no_mail_is_refused_for_its_trace(traceparent, kept):
    command = parse(fields(traceparent=traceparent, tracestate="a=b"))
    assert command.traceparent == (traceparent.decode() if kept else None)
    assert command.tracestate == ("a=b" if kept else None)


def test_nothing_private_is_in_a_repr():
    command = parse(fields(payload={**PAYLOAD, "subject": "secret subject"}))
    assert "ada" not in repr(command)
    assert "secret" not in repr(command)
    assert "secret" not in repr(StreamEntry("1-1", ((b"a", b"secret"),)))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*fields(), b"request_id", b"other"]) | st.binary(max_size=8),
            st.binary(max_size=60),
        ),
        max_size=9,
    )
)
def test_arbitrary_bytes_are_rejected_and_nothing_else(pairs):
    with pytest.raises(Rejection):
        parse(tuple(pairs))


@given(st.binary(max_size=80))
def test_arbitrary_payloads_are_rejected_and_nothing_else(raw):
    with pytest.raises(Rejection):
        parse(fields(payload=raw))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=5), st.randoms())
def test_the_order_of_members_makes_no_difference(payload, random):
    items = list(payload.items())
    random.shuffle(items)
    assert canonical(dict(items)) == canonical(payload)
    assert json.loads(canonical(payload)) == payload


def test_the_fingerprint_tells_modes_payloads_and_keys_apart():
    def make(key=b"k" * 32, mode=PayloadMode.RENDERED, data=b"{}"):
        return fingerprint(key=key, mode=mode, canonical=data)

    variants = {make(), make(key=b"l" * 32), make(mode=PayloadMode.TEMPLATE), make(data=b"[]")}
    assert len(variants) == 4
    assert {len(v) for v in variants} == {32}


def test_a_rotated_key_still_matches():
    stored = fingerprint(key=b"old", mode=PayloadMode.RENDERED, canonical=b"{}")
    given_ = {"stored": stored, "mode": PayloadMode.RENDERED, "canonical": b"{}"}
    assert matches(keys=[b"new", b"old"], **given_)
    assert not matches(keys=[b"new"], **given_)
