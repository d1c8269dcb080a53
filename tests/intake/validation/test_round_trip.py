"""What is right comes through unchanged, and whatever comes through can be sent."""

import base64
import json
from datetime import UTC, datetime
from email import message_from_bytes

from hypothesis import given, settings
from hypothesis import strategies as st

from deliveries.attempt.message.writer import write_message
from deliveries.intake.fingerprint import canonical, fingerprint
from deliveries.intake.members import load_json
from deliveries.intake.rejection import Rejection
from deliveries.payload import Mailbox, Payload
from deliveries.states import PayloadMode
from tests.factories import CommandFactory

NOW = datetime(2026, 11, 24, tzinfo=UTC)

lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
names = lines.map(str.strip)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1).filter(
    lambda text: not text.isspace()
)
plain_addresses = st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8})?@[a-z]{1,8}\.org", fullmatch=True)
mailboxes = st.lists(
    st.fixed_dictionaries({"email": plain_addresses, "name": names}), min_size=1, max_size=4
)
files = st.fixed_dictionaries(
    {
        "filename": st.from_regex(r"[a-zäöü ]{0,9}[a-z]\.(pdf|txt)", fullmatch=True),
        "content_type": st.sampled_from(["application/pdf", "text/plain", "message/rfc822"]),
        "content_base64": st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()),
    }
)
header_names = st.from_regex(r"(X|List)-[A-Za-z0-9]{1,12}", fullmatch=True)
valid_payloads = st.fixed_dictionaries(
    {
        "to": mailboxes,
        "subject": texts.filter(lambda text: text.isprintable()),
        "text_body": texts,
    },
    optional={
        "cc": mailboxes,
        "bcc": mailboxes,
        "reply_to": mailboxes,
        "html_body": texts,
        "attachments": st.lists(files, max_size=3),
        "headers": st.dictionaries(header_names, lines.filter(str.strip), max_size=3).filter(
            lambda headers: len({name.lower() for name in headers}) == len(headers)
        ),
    },
)


@settings(deadline=None)
@given(valid_payloads)
def test_a_valid_command_comes_through(payload):
    members = CommandFactory(payload=payload).members
    for group in ("to", "cc", "bcc", "reply_to"):
        expected = [Mailbox(item["email"], item["name"]) for item in payload.get(group, [])]
        assert list(getattr(members, group)) == expected
    assert members.content.subject == payload["subject"]
    assert members.content.text_body == payload["text_body"]
    assert members.content.html_body == payload.get("html_body")
    assert dict(members.headers) == payload.get("headers", {})
    for attachment, item in zip(members.attachments, payload.get("attachments", []), strict=True):
        assert attachment.filename == item["filename"]
        assert attachment.content_type == item["content_type"]
        assert base64.b64encode(attachment.content).decode() == item["content_base64"]


# anything that JSON can hold in these places, right or wrong
anything = st.text(max_size=30)
any_address = (
    st.emails()
    | anything.map("{}@example.org".format)
    | anything.map("ada@{}.org".format)
    | st.sampled_from(["=?x?=@example.org", "ü@bücher.test", "a.b+c/d@localhost"])
)
any_group = st.lists(any_address | st.fixed_dictionaries({"email": any_address, "name": anything}))
any_header = (
    st.from_regex(r"(?i)\A(x-.{1,8}|list-.{1,8}|auto-submitted|in-reply-to|references)\Z")
    | anything
)
any_payload = st.fixed_dictionaries(
    {
        "to": st.just(["ada@example.org"]) | any_group,
        "subject": anything.map("s{}".format),
        "text_body": st.just("text") | anything,
    },
    optional={
        "cc": any_group,
        "reply_to": any_group,
        "headers": st.dictionaries(
            any_header, anything | st.sampled_from(["<a@b>", "<=?a@b> <c@d>"]), max_size=2
        ),
        "attachments": st.lists(
            st.fixed_dictionaries(
                {
                    "filename": anything,
                    "content_type": st.from_regex(r"\A[!-~]{1,9}/[!-~]{1,9}\Z"),
                    "content_base64": st.just("AAEC"),
                }
            ),
            max_size=2,
        ),
    },
)


@settings(deadline=None, max_examples=200)
@given(any_payload)
def test_what_is_accepted_can_be_written_as_a_message(payload):
    """A command that is accepted and cannot be written would wait for ever."""
    try:
        members = CommandFactory(payload=payload).members
    except Rejection:
        return
    message = write_message(
        payload=Payload(
            to=members.to,
            cc=members.cc,
            reply_to=members.reply_to,
            subject=members.content.subject,
            text_body=members.content.text_body,
            headers=members.headers,
            attachments=members.attachments,
        ),
        sender=Mailbox("mail@example.org"),
        message_id="<id@example.org>",
        date=NOW,
    )
    read = message_from_bytes(message)
    assert read.get_all("Message-ID") == ["<id@example.org>"]
    assert read.get_all("Bcc") is None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=4), st.randoms())
def test_the_spelling_of_the_json_makes_no_difference(payload, random):
    def shuffled(value):
        if isinstance(value, dict):
            pairs = [(name, shuffled(item)) for name, item in value.items()]
            random.shuffle(pairs)
            return dict(pairs)
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    tight = json.dumps(payload, separators=(",", ":")).encode()
    loose = json.dumps(shuffled(payload), indent=3, ensure_ascii=True).encode()
    assert canonical(load_json(tight)) == canonical(load_json(loose))
    assert load_json(canonical(payload)) == payload


@given(json_values, json_values)
def test_other_payloads_have_another_canonical_form(one, other):
    same = canonical({"x": one}) == canonical({"x": other})
    assert same == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


def test_numbers_are_told_apart_by_their_kind_and_value():
    def form(number):
        return canonical(load_json(b'{"x":' + number + b"}"))

    assert form(b"1") != form(b"1.0") != form(b"-1.0")
    assert form(b"1.0") == form(b"1.00") == form(b"10e-1") == form(b"0.1E+1")
    assert form(b'"\\u00e9"') == form('"é"'.encode())
    assert form(b'"\\u00e9"') != form('"e\u0301"'.encode())


def test_ids_times_and_trace_are_no_part_of_the_fingerprint():
    payload = {"to": ["ada@example.org"], "subject": "s", "text_body": "t"}
    other = {
        "delivery_id": "other",
        "idempotency_key": "other",
        "requested_at_ms": "1790000000001",
        "request_id": "other",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    forms = {
        fingerprint(key=b"k" * 32, mode=PayloadMode.RENDERED, canonical=command.canonical)
        for command in (
            CommandFactory(payload=payload),
            CommandFactory(payload=payload, changes=other),
        )
    }
    assert len(forms) == 1
