"""The message writer: a stored payload and the attempt's own From and Date become one mail.

Written for this service instead of using `email.message`: cheap enough to run for every attempt,
the same bytes for the same arguments, and no header parsed or decoded on the way (CVE-2024-6923).
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime

from deliveries.attempt.message.addresses import write_addresses
from deliveries.attempt.message.entities import write_body
from deliveries.attempt.message.headers import write_producer_header, write_unstructured
from deliveries.payload import Mailbox, Payload

# Only the writer says who wrote, who reads and how the body is made; Bcc is said nowhere.
_RESERVED = frozenset(
    {
        "bcc",
        "cc",
        "content-disposition",
        "content-transfer-encoding",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "reply-to",
        "sender",
        "subject",
        "to",
    }
)
# A machine wrote this: no vacation notes in answer (RFC 3834; the second is Exchange's own way).
# Not "All", which would suppress the reports of failed delivery too.
_UNATTENDED = {
    "Auto-Submitted": "auto-generated",
    "X-Auto-Response-Suppress": "OOF, AutoReply",
}

_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_LONGEST_MESSAGE_ID = 900


def write_message(*, payload: Payload, sender: Mailbox, message_id: str, date: datetime) -> bytes:
    """The complete message: CRLF line ends only, lines of at most 998 octets, no dots stuffed.

    `message_id` has its angle brackets; `date` is aware. All is ASCII except address fields with a
    non-ASCII local part, which are UTF-8 (RFC 6532): see `needs_smtputf8`. Equal arguments give
    equal bytes.

    ValueError, whose text holds nothing of the mail's content: CR, LF or NUL in anything that goes
    into a header; what is not an address, Message-ID, media type or header name; a producer's
    header that only the writer may write; no `to`; a naive `date`; a lone surrogate.
    """
    _check_message_id(message_id)
    body = write_body(payload=payload, message_id=message_id)
    head = [
        f"Date: {_format_date(date)}\r\n",
        *_address_fields(payload, sender),
        write_unstructured(name="Subject", value=payload.subject),
        f"Message-ID: {message_id}\r\n",
        *_producer_fields(payload.headers),
        "MIME-Version: 1.0\r\n",
        body.fields,
        "\r\n",
    ]
    return "".join(head).encode() + body.body


def needs_smtputf8(payload: Payload, sender: Mailbox) -> bool:
    """Whether the relay must offer SMTPUTF8 (RFC 6531): for the envelope, Bcc included, or a field.

    All recipients of the payload count, also when only some of them are still to be tried: the
    message names them in its fields.
    """
    mailboxes = (sender, *payload.to, *payload.cc, *payload.bcc, *payload.reply_to)
    return any(mailbox.needs_smtputf8 for mailbox in mailboxes)


def _check_message_id(message_id: str) -> None:
    if len(message_id) > _LONGEST_MESSAGE_ID or not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("the Message-ID is not of the form <left@right>")


def _format_date(date: datetime) -> str:
    if date.utcoffset() is None:
        raise ValueError("the date has no time zone")
    return format_datetime(date.astimezone(UTC))


def _address_fields(payload: Payload, sender: Mailbox) -> list[str]:
    if not payload.to:
        raise ValueError("the payload has no recipient in `to`")
    fields = [
        ("From", (sender,)),
        ("To", payload.to),
        ("Cc", payload.cc),
        ("Reply-To", payload.reply_to),
    ]
    return [
        write_addresses(name=name, mailboxes=mailboxes) for name, mailboxes in fields if mailboxes
    ]


def _producer_fields(headers: tuple[tuple[str, str], ...]) -> list[str]:
    """The producer's own in their order, then what the producer left to us."""
    given = {name.lower() for name, _ in headers}
    if given & _RESERVED:
        raise ValueError("a producer's header has a name that is the writer's to write")
    return [
        *(write_producer_header(name=name, value=value) for name, value in headers),
        *(
            f"{name}: {value}\r\n"
            for name, value in _UNATTENDED.items()
            if name.lower() not in given
        ),
    ]
