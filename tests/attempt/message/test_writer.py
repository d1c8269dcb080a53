"""The message as a whole: its fields and their order, its structure, what it refuses."""

import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from textwrap import dedent

import pytest

from deliveries.attempt.message.writer import needs_smtputf8, write_message
from deliveries.payload import Attachment, Mailbox, Payload

SENDER = Mailbox("no-reply@example.com", "Example Shop")
MESSAGE_ID = "<01J9Z3@mail.example.com>"
DATE = datetime(2025, 3, 1, 12, 0, 5, tzinfo=UTC)
PLAIN = Payload(to=(Mailbox("ann@example.net"),), subject="Hello", text_body="Hi Ann\n")
PDF = Attachment("a.pdf", "application/pdf", b"%PDF")


def write(payload: Payload = PLAIN, **changes: object) -> bytes:
    arguments = {"sender": SENDER, "message_id": MESSAGE_ID, "date": DATE, **changes}
    return write_message(payload=payload, **arguments)


def read(message: bytes) -> EmailMessage:
    return message_from_bytes(message, policy=default)


def crlf(text: str) -> bytes:
    return dedent(text).lstrip("\n").replace("\n", "\r\n").encode()


def structure(part: EmailMessage) -> object:
    """A media type, or (media type, its parts)."""
    if part.is_multipart():
        return (part.get_content_type(), [structure(inner) for inner in part.iter_parts()])
    return part.get_content_type()


def test_golden_text_message():
    assert write() == crlf("""
        Date: Sat, 01 Mar 2025 12:00:05 +0000
        From: Example Shop <no-reply@example.com>
        To: ann@example.net
        Subject: Hello
        Message-ID: <01J9Z3@mail.example.com>
        Auto-Submitted: auto-generated
        X-Auto-Response-Suppress: OOF, AutoReply
        MIME-Version: 1.0
        Content-Type: text/plain; charset="us-ascii"
        Content-Transfer-Encoding: 7bit

        Hi Ann
        """)


def test_golden_full_message():
    payload = Payload(
        to=(Mailbox("zoe@example.net", "Zoë"), Mailbox("bob@example.net", "Lee, Bob")),
        cc=(Mailbox("cc@example.net"),),
        bcc=(Mailbox("hidden@example.net", "Hidden"),),
        reply_to=(Mailbox("help@example.com", "Help"),),
        subject="Your bill — March",
        text_body="Total: 5 €, to be paid until 31 March\nBye",
        html_body="<p>Hi</p>\n",
        headers=(("X-Second", "2"), ("List-Help", "<mailto:help@example.com>"), ("X-First", "1")),
        attachments=(Attachment("Überblick.csv", "text/csv", "ä;b\n".encode()),),
    )

    message = write(payload)

    (token,) = set(re.findall(rb"=_[am]([0-9a-f]{24})", message))
    assert message.replace(token, b"TOKEN") == crlf("""
        Date: Sat, 01 Mar 2025 12:00:05 +0000
        From: Example Shop <no-reply@example.com>
        To: =?utf-8?q?Zo=C3=AB?= <zoe@example.net>, "Lee, Bob" <bob@example.net>
        Cc: cc@example.net
        Reply-To: Help <help@example.com>
        Subject: =?utf-8?q?Your_bill_=E2=80=94_March?=
        Message-ID: <01J9Z3@mail.example.com>
        X-Second: 2
        List-Help: <mailto:help@example.com>
        X-First: 1
        Auto-Submitted: auto-generated
        X-Auto-Response-Suppress: OOF, AutoReply
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary="=_mTOKEN"

        --=_mTOKEN
        Content-Type: multipart/alternative; boundary="=_aTOKEN"

        --=_aTOKEN
        Content-Type: text/plain; charset="utf-8"
        Content-Transfer-Encoding: quoted-printable

        Total: 5 =E2=82=AC, to be paid until 31 March
        Bye

        --=_aTOKEN
        Content-Type: text/html; charset="us-ascii"
        Content-Transfer-Encoding: 7bit

        <p>Hi</p>

        --=_aTOKEN--

        --=_mTOKEN
        Content-Type: text/csv; charset="utf-8"; name="Uberblick.csv"
        Content-Disposition: attachment; filename*=utf-8''%C3%9Cberblick.csv
        Content-Transfer-Encoding: base64

        w6Q7Ygo=

        --=_mTOKEN--
        """)


@pytest.mark.parametrize(
    ("html_body", "attachments", "expected"),
    [
        (None, (), "text/plain"),
        ("<p>", (), ("multipart/alternative", ["text/plain", "text/html"])),
        ("", (), ("multipart/alternative", ["text/plain", "text/html"])),
        (None, (PDF,), ("multipart/mixed", ["text/plain", "application/pdf"])),
        (
            "<p>",
            (PDF, PDF),
            (
                "multipart/mixed",
                [
                    ("multipart/alternative", ["text/plain", "text/html"]),
                    "application/pdf",
                    "application/pdf",
                ],
            ),
        ),
    ],
)
def test_structure(html_body, attachments, expected):
    payload = replace(PLAIN, html_body=html_body, attachments=attachments)

    assert structure(read(write(payload))) == expected


@pytest.mark.parametrize(
    ("content_type", "content", "sent_type", "charset"),
    [
        ("image/png", b"\x89PNG\r\n\x1a\n", "image/png", None),
        ("application/x-a'b", b"", "application/x-a'b", None),
        ("text/calendar", "é".encode(), "text/calendar", "utf-8"),
        ("text/csv", "é".encode("latin-1"), "text/csv", None),
        ("message/rfc822", b"To: x\n\nFrom y\n", "application/octet-stream", None),
        ("message/delivery-status", b"x", "application/octet-stream", None),
        ("multipart/mixed", b"x", "application/octet-stream", None),
    ],
)
def test_attachment_keeps_every_octet(content_type, content, sent_type, charset):
    payload = replace(PLAIN, attachments=(Attachment("file.eml", content_type, content),))

    (part,) = read(write(payload)).iter_attachments()

    assert part.get_content_type() == sent_type
    assert part.get_content_charset() == charset
    assert part["Content-Transfer-Encoding"] == "base64"
    assert part.get_payload(decode=True) == content
    assert part.get_filename() == part["Content-Type"].params["name"] == "file.eml"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), ["auto-generated", "OOF, AutoReply"]),
        ((("auto-submitted", "auto-notified"),), ["auto-notified", "OOF, AutoReply"]),
        ((("X-AUTO-RESPONSE-SUPPRESS", "All"),), ["auto-generated", "All"]),
    ],
)
def test_producer_decides_about_automatic_answers(headers, expected):
    message = read(write(replace(PLAIN, headers=headers)))

    assert message.get_all("Auto-Submitted") == expected[:1]
    assert message.get_all("X-Auto-Response-Suppress") == expected[1:]


def test_bcc_is_nowhere():
    message = write(replace(PLAIN, bcc=(Mailbox("hidden@example.net", "Hidden One"),)))

    assert not re.search(rb"hidden|bcc", message, re.IGNORECASE)


@pytest.mark.parametrize("where", ["subject", "name", "filename", "header"])
def test_encoded_word_in_the_payload_is_text_not_an_order(where):
    """CVE-2024-6923: what it decodes to must not become a header, here or at the next hop."""
    evil = "=?UTF-8?Q?=0ABcc: x@example.com?="
    payload = {
        "subject": replace(PLAIN, subject=evil),
        "name": replace(PLAIN, to=(Mailbox("ann@example.net", evil),)),
        "filename": replace(PLAIN, attachments=(replace(PDF, filename=evil),)),
        "header": replace(PLAIN, headers=(("X-Ref", evil),)),
    }[where]

    message = write(payload)

    assert b"=?UTF-8?Q?" not in message
    for part in read(message).walk():
        assert "Bcc" not in part
    shown = {
        "subject": lambda parsed: parsed["Subject"],
        "name": lambda parsed: parsed["To"].addresses[0].display_name,
        "filename": lambda parsed: next(parsed.iter_attachments()).get_filename(),
        "header": lambda parsed: parsed["X-Ref"],
    }[where](read(message))
    assert shown == evil


def test_boundary_depends_on_the_message_id_alone():
    payload = replace(PLAIN, html_body="<p>", attachments=(PDF,))
    later = {"date": DATE + timedelta(hours=1), "sender": Mailbox("other@example.com")}

    first, again, other = write(payload), write(payload), write(payload, message_id="<x@y>")

    assert first == again
    assert (
        first.partition(b"MIME-Version")[2] == write(payload, **later).partition(b"MIME-Version")[2]
    )
    assert set(boundaries(first)).isdisjoint(boundaries(other))


def boundaries(message: bytes) -> list[bytes]:
    return re.findall(rb'boundary="([^"]+)"', message)


@pytest.mark.parametrize("body", ["text_body", "html_body"])
@pytest.mark.parametrize("filler", ["", "\N{EURO SIGN} and some more text", "trailing \n"])
def test_boundary_stands_in_no_body(body, filler):
    payload = replace(PLAIN, html_body="<p>", attachments=(PDF,))
    taken = boundaries(write(payload))
    text = "".join(f"--{boundary.decode()}\n--{boundary.decode()}--\n" for boundary in taken)
    hostile = replace(payload, **{body: text + filler})

    message = write(hostile)

    assert set(boundaries(message)).isdisjoint(taken)
    assert structure(read(message)) == structure(read(write(payload)))


@pytest.mark.parametrize(
    ("date", "field"),
    [
        (DATE, b"Sat, 01 Mar 2025 12:00:05 +0000"),
        (
            datetime(2024, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5))),
            b"Wed, 01 Jan 2025 04:30:00 +0000",
        ),
    ],
)
def test_date_is_in_utc(date, field):
    assert write(date=date).startswith(b"Date: " + field + b"\r\n")


@pytest.mark.parametrize(
    ("changes", "sender", "expected"),
    [
        ({}, SENDER, False),
        ({"subject": "é", "text_body": "é"}, SENDER, False),
        ({"to": (Mailbox("a@xn--bcher-kva.example", "Zoë"),)}, SENDER, False),
        ({"to": (Mailbox("a@example.com"), Mailbox("é@example.com"))}, SENDER, True),
        ({"cc": (Mailbox("é@example.com"),)}, SENDER, True),
        ({"bcc": (Mailbox("é@example.com"),)}, SENDER, True),
        ({"reply_to": (Mailbox("é@example.com"),)}, SENDER, True),
        ({}, Mailbox("é@example.com"), True),
    ],
)
def test_needs_smtputf8(changes, sender, expected):
    assert needs_smtputf8(replace(PLAIN, **changes), sender) is expected


def test_only_the_field_with_a_non_ascii_address_is_utf8():
    payload = replace(
        PLAIN,
        subject="Grün",
        to=(Mailbox("jörg@xn--bcher-kva.example", "Jörg"),),
        cc=(Mailbox("ann@example.net", "Zoë"),),
    )

    lines = write(payload).split(b"\r\n")

    assert "To: =?utf-8?q?J=C3=B6rg?= <jörg@xn--bcher-kva.example>".encode() in lines
    assert b"Cc: =?utf-8?q?Zo=C3=AB?= <ann@example.net>" in lines
    assert [line.isascii() for line in lines].count(False) == 1


def test_hundred_recipients():
    mailboxes = tuple(Mailbox(f"user{n}@example.net", f"User {n}, Jr.") for n in range(100))

    message = write(replace(PLAIN, to=mailboxes))

    assert max(map(len, message.split(b"\r\n"))) <= 76
    assert [
        Mailbox(address.addr_spec, address.display_name)
        for address in read(message)["To"].addresses
    ] == [*mailboxes]


@pytest.mark.parametrize(
    ("payload", "changes", "reason"),
    [
        (replace(PLAIN, subject="a\r\nBcc: secret@x.example"), {}, "Subject holds a line break"),
        (replace(PLAIN, subject="a\0secret"), {}, "Subject holds a line break"),
        (
            replace(PLAIN, to=(Mailbox("a@b.example\nsecret"),)),
            {},
            "To holds what is not an address",
        ),
        (replace(PLAIN, cc=(Mailbox("a@b.example", "x\nsecret"),)), {}, "name in Cc holds a line"),
        (replace(PLAIN, to=()), {}, "no recipient"),
        (replace(PLAIN, headers=(("X-A", "b\nsecret: c"),)), {}, "X-A holds a line break"),
        (replace(PLAIN, headers=(("X-A: secret\nY", "b"),)), {}, "header name"),
        (replace(PLAIN, headers=(("Bcc", "secret@x.example"),)), {}, "writer's to write"),
        (replace(PLAIN, headers=(("subject", "secret"),)), {}, "writer's to write"),
        (replace(PLAIN, headers=(("Content-Type", "secret"),)), {}, "writer's to write"),
        (replace(PLAIN, attachments=(replace(PDF, filename="a\nsecret"),)), {}, "file name holds"),
        (replace(PLAIN, attachments=(replace(PDF, content_type="a"),)), {}, "content type"),
        (
            replace(PLAIN, attachments=(replace(PDF, content_type="a/b\r\nsecret: x"),)),
            {},
            "content type",
        ),
        (
            replace(PLAIN, attachments=(replace(PDF, content_type="a/b; secret=1"),)),
            {},
            "content type",
        ),
        (PLAIN, {"sender": Mailbox("a@b.example", "x\r\nBcc: secret")}, "name in From holds"),
        (PLAIN, {"message_id": "secret@b"}, "Message-ID"),
        (PLAIN, {"message_id": "<secret@b>\r\nBcc: x@y"}, "Message-ID"),
        (PLAIN, {"message_id": "<secret b@c>"}, "Message-ID"),
        (PLAIN, {"message_id": "<" + "secret" * 200 + "@b>"}, "Message-ID"),
        (PLAIN, {"date": DATE.replace(tzinfo=None)}, "time zone"),
    ],
)
def test_refusals_say_why_and_quote_nothing(payload, changes, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        write(payload, **changes)

    assert "secret" not in str(caught.value)


def test_large_attachment_is_whole():
    content = bytes(range(256)) * 4096
    payload = replace(PLAIN, attachments=(Attachment("big.bin", "application/zip", content),))

    message = write(payload)

    assert b64encode(content) in message.replace(b"\r\n", b"")
    assert max(map(len, message.split(b"\r\n"))) <= 78
