"""What any payload says, a mail reader gets back: the standard library's parser is the judge."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliveries.attempt.message.writer import needs_smtputf8, write_message
from deliveries.payload import Attachment, Mailbox, Payload

DATE = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
MESSAGE_ID = "<01J9Z3@mail.example.com>"

ATEXT = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$%&'*+-/=?^_`{|}~"
HAZARDS = ["=?", "?=", "=?utf-8?q?=0ABcc:_x?=", "From ", ".", "\t", "  ", ",", '"', "\\", "é", "日"]

header_text = st.lists(
    st.sampled_from(HAZARDS)
    | st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=30)
    | st.text("abc xyz", max_size=30),
    max_size=8,
).map("".join)
body_text = st.lists(
    st.sampled_from([*HAZARDS, "\r\n", "\n", "\r", "\0", "\f", "=\n", "x" * 80, "x" * 999])
    | st.text(st.characters(codec="utf-8"), max_size=40),
    max_size=20,
).map("".join)
addresses = st.builds(
    "{}@{}".format,
    st.text(ATEXT, min_size=1, max_size=20) | st.text(ATEXT + "éü日я", min_size=1, max_size=20),
    st.sampled_from(["example.com", "xn--bcher-kva.example", "a.b-c.example"]),
)
mailboxes = st.builds(Mailbox, address=addresses, name=st.just("") | header_text)
some_mailboxes = st.lists(mailboxes, max_size=4).map(tuple)
attachments = st.builds(
    Attachment,
    filename=header_text.filter(bool),
    content_type=st.sampled_from(["application/pdf", "text/csv", "message/rfc822", "image/png"]),
    content=st.binary(max_size=200),
)
payloads = st.builds(
    Payload,
    to=st.lists(mailboxes, min_size=1, max_size=4).map(tuple),
    cc=some_mailboxes,
    bcc=some_mailboxes,
    reply_to=some_mailboxes,
    subject=header_text,
    text_body=body_text,
    html_body=st.none() | body_text,
    # List-* is not shown as written, on purpose: its cases are in test_headers
    headers=st.lists(
        st.tuples(st.sampled_from(["X-Ref", "X-" + "L" * 60, "References"]), header_text),
        max_size=3,
    ).map(tuple),
    attachments=st.lists(attachments, max_size=2).map(tuple),
)


def write(payload: Payload, sender: Mailbox) -> bytes:
    return write_message(payload=payload, sender=sender, message_id=MESSAGE_ID, date=DATE)


def read(message: bytes) -> EmailMessage:
    parsed = BytesParser(policy=default).parsebytes(message)
    assert isinstance(parsed, EmailMessage)
    assert not any(part.defects for part in parsed.walk())
    return parsed


def read_mailboxes(message: EmailMessage, name: str) -> list[tuple[str, str]]:
    """(name, address) of each mailbox, as `comparable` has them."""
    if name not in message:
        return []
    return [
        # the parser keeps UTF-8 in headers as surrogates (it has no RFC 6532 for input)
        (comparable(address.display_name), as_utf8(address.addr_spec))
        for address in message[name].addresses
    ]


def as_utf8(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode()


def comparable(name: str) -> str:
    """A display name without its white space, which the parser does not keep.

    It reads a run of white space as one space, drops it at the ends, and puts a space between
    adjacent encoded words, against RFC 2047 section 6.2. That ours is exact, test_addresses shows
    with another reader.
    """
    return "".join(name.split())


def expected_mailboxes(mailboxes: tuple[Mailbox, ...]) -> list[tuple[str, str]]:
    return [(comparable(mailbox.name), mailbox.address) for mailbox in mailboxes]


def read_text(part: EmailMessage) -> str:
    """The text with LF line ends: not by `get_content`, which mixes them."""
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode(part.get_content_charset()).replace("\r\n", "\n")


def expected_text(text: str) -> str:
    lines = re.split(r"\r\n|\r|\n", text)
    return "\n".join(lines if lines[-1] == "" else [*lines, ""])


@settings(deadline=None)
@given(payload=payloads, sender=mailboxes)
def test_header_fields(payload, sender):
    message = read(write(payload, sender))

    assert read_mailboxes(message, "From") == expected_mailboxes((sender,))
    assert read_mailboxes(message, "To") == expected_mailboxes(payload.to)
    assert read_mailboxes(message, "Cc") == expected_mailboxes(payload.cc)
    assert read_mailboxes(message, "Reply-To") == expected_mailboxes(payload.reply_to)
    assert message["Subject"] == payload.subject
    assert message["Message-ID"] == MESSAGE_ID
    assert message["Date"].datetime == DATE
    theirs = {name for name, _ in payload.headers}
    assert [(name, value) for name, value in message.items() if name in theirs] == [
        *payload.headers
    ]
    ours = {"From", "To", "Cc", "Reply-To", "Subject", "Message-ID", "Date", "MIME-Version"}
    ours |= {"Auto-Submitted", "X-Auto-Response-Suppress", "Content-Type"}
    ours |= {"Content-Transfer-Encoding"}
    assert set(message.keys()) <= ours | theirs  # nothing got in by the values


@settings(deadline=None)
@given(payload=payloads)
def test_bodies_and_attachments(payload):
    message = read(write(payload, Mailbox("sender@example.com")))

    files = list(message.iter_attachments()) if payload.attachments else []
    texts = [
        part
        for part in message.walk()
        if part.get_content_maintype() == "text" and part.get_content_disposition() is None
    ]
    bodies = [payload.text_body, *([] if payload.html_body is None else [payload.html_body])]
    assert [read_text(part) for part in texts] == [expected_text(body) for body in bodies]
    assert [part.get_content_subtype() for part in texts] == ["plain", "html"][: len(bodies)]
    assert [
        # not `get_filename`, which strips white space
        (part["Content-Disposition"].params["filename"], part.get_payload(decode=True))
        for part in files
    ] == [(attachment.filename, attachment.content) for attachment in payload.attachments]


@settings(deadline=None)
@given(payload=payloads, sender=mailboxes)
def test_wire_form(payload, sender):
    message = write(payload, sender)

    assert message.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", message)
    assert max(map(len, message.split(b"\r\n"))) <= 998
    header, _, body = message.partition(b"\r\n\r\n")
    assert body.isascii()
    fields = re.split(rb"\r\n(?![ \t])", header)
    for field in fields:
        name = field.partition(b":")[0]
        assert field.isascii() or name in {b"From", b"To", b"Cc", b"Reply-To"}
    if not needs_smtputf8(payload, sender):
        assert header.isascii()
    # every encoded word is ours: none came in from the payload
    assert b"=?" not in re.sub(rb"=\?utf-8\?[qb]\?[^ ?]+\?=", b"", header)


@settings(deadline=None)
@given(payload=payloads, sender=mailboxes)
def test_folding(payload, sender):
    """A line is too long only where it holds nothing to break it at, and none is only white space.

    RFC 5322 section 2.2.3; a line with an encoded word has at most 76 characters (RFC 2047, 2).
    """
    header = write(payload, sender).partition(b"\r\n\r\n")[0].decode()
    for line in header.split("\r\n"):
        assert line.strip(" \t")
        name, colon, value = line.partition(": ")
        content = value if colon and not line.startswith((" ", "\t")) and ":" not in name else line
        assert len(line) <= 76 or not re.search(r"[^ \t][ \t]+[^ \t]", UNBROKEN.sub("", content))


# quoted strings are one word each, and what a producer wrote keeps its runs of white space
UNBROKEN = re.compile(r'"(?:[^"\\]|\\.)*"')

broken = st.tuples(header_text, st.sampled_from("\r\n\0"), header_text).map("".join)


@settings(deadline=None)
@given(data=st.data(), payload=payloads, value=broken)
def test_a_line_break_in_any_value_is_refused_untold(data, payload, value):
    """Intake refuses it already; the writer does not rely on that."""
    spoiled = data.draw(
        st.sampled_from(
            [
                replace(payload, subject=value),
                replace(payload, headers=(("X-Ref", value),)),
                replace(payload, headers=(("List-Id", value),)),
                replace(payload, to=(Mailbox("a@example.com", value),)),
                replace(payload, to=(Mailbox(f"a{value}@example.com"),)),
                replace(payload, reply_to=(Mailbox("a@example.com", value),)),
                replace(payload, attachments=(Attachment(value, "text/csv", b""),)),
                replace(payload, attachments=(Attachment("a", f"text/{value}", b""),)),
            ]
        )
    )
    with pytest.raises(ValueError, match=r"\w") as caught:
        write(spoiled, Mailbox("sender@example.com"))
    assert value not in str(caught.value)
