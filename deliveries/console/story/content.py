"""The content of a delivery as its page shows it. A login code's is never read from the table."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models.functions import Length

from deliveries.attempt.message.writer import write_message
from deliveries.conf import Config
from deliveries.console.secrecy import holds_login_code
from deliveries.models import Attachment as AttachmentRow
from deliveries.models import Delivery, DeliveryPayload
from deliveries.payload import Attachment, Mailbox, Payload

MOST_SHOWN = 200_000  # characters of one body
_BODIES = ("subject", "text_body", "html_body", "variables", "headers")


@dataclass(frozen=True, slots=True)
class File:
    """One attachment, by what is known of it without its content."""

    filename: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """What may be shown. `withheld` says why there is nothing, "" where there is something.

    `mailboxes` is there as long as the payload is, for login codes too.
    """

    withheld: str
    mailboxes: dict[str, list[dict[str, str]]] = field(repr=False)
    subject: str | None = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    files: tuple[File, ...] = ()
    content_bytes: int = 0


def read_content(delivery: Delivery) -> Content:
    secret = holds_login_code(source=delivery.source, template_id=delivery.template_id)
    rows = DeliveryPayload.objects.filter(delivery=delivery)
    row = (rows.defer(*_BODIES) if secret else rows).first()
    if row is None:
        return Content("Its content is no longer kept.", {})
    if secret:
        return Content("The content of a login code is never shown.", row.mailboxes)
    if row.text_body is None:
        return Content("Its content is erased.", row.mailboxes)
    return Content(
        withheld="",
        mailboxes=row.mailboxes,
        subject=row.subject,
        text=row.text_body,
        html=row.html_body,
        headers=tuple((name, value) for name, value in row.headers or ()),
        files=_files(delivery) if row.attachment_count else (),
        content_bytes=row.content_bytes,
    )


def write_source(content: Content, *, delivery: Delivery, config: Config, date: datetime) -> str:
    """The message as an attempt writes it, its attachments empty. ValueError: it cannot be."""
    payload = Payload(
        to=_group(content, "to"),
        cc=_group(content, "cc"),
        reply_to=_group(content, "reply_to"),
        subject=content.subject or "",
        text_body=content.text,
        html_body=content.html,
        headers=content.headers,
        attachments=tuple(Attachment(f.filename, f.content_type, b"") for f in content.files),
    )
    message = write_message(
        payload=payload, sender=config.sender, message_id=delivery.message_id, date=date
    )
    return message.decode("utf-8", "replace").replace("\r\n", "\n")


def _files(delivery: Delivery) -> tuple[File, ...]:
    rows = (
        AttachmentRow.objects.filter(delivery=delivery)
        .order_by("position")
        .values_list("filename", "content_type", Length("content"))
    )
    return tuple(File(*row) for row in rows)


def _group(content: Content, name: str) -> tuple[Mailbox, ...]:
    return tuple(Mailbox.from_json(found) for found in content.mailboxes.get(name, ()))
