"""What is to be sent. The service checks it; here only what could not be written as JSON."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from deliveries.producer.errors import InvalidCommandError

_GROUPS = ("to", "cc", "bcc", "reply_to")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with a display name; an address alone can be given as a str."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file. `content_type` is type/subtype, without parameters."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


Recipients = Sequence[str | Mailbox]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mail:
    """Common to both modes. `to`, `cc` and `bcc` hold 1 to 100 recipients together.

    `send_at` and `expires_at` have a time zone. `headers` are X-*, List-*, Auto-Submitted,
    In-Reply-To and References.
    """

    mode: ClassVar[str]

    to: Recipients = field(repr=False)
    cc: Recipients = field(default=(), repr=False)
    bcc: Recipients = field(default=(), repr=False)
    reply_to: Recipients = field(default=(), repr=False)
    attachments: Sequence[Attachment] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    send_at: datetime | None = None
    expires_at: datetime | None = None

    def payload(self) -> dict[str, Any]:
        """The members of `payload_json`; those that say nothing are left out.

        Raises InvalidCommandError.
        """
        members: dict[str, Any] = {
            group: _recipients(getattr(self, group), group) for group in _GROUPS
        }
        members |= self._content()
        members["attachments"] = [_file(attachment) for attachment in self.attachments]
        members["headers"] = dict(self.headers)
        for name in ("send_at", "expires_at"):
            members[name] = rfc3339(getattr(self, name), name)
        return {
            name: value
            for name, value in members.items()
            if value is not None and value != [] and not (name == "headers" and not value)
        }

    def _content(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMail(_Mail):
    """A mail whose subject and bodies are written already."""

    mode: ClassVar[str] = "rendered"

    subject: str = field(repr=False)
    text_body: str = field(repr=False)
    html_body: str | None = field(default=None, repr=False)

    def _content(self) -> dict[str, Any]:
        return {"subject": self.subject, "text_body": self.text_body, "html_body": self.html_body}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMail(_Mail):
    """A mail that the service renders. `variables` holds what JSON can hold."""

    mode: ClassVar[str] = "template"

    template_id: str
    locale: str
    variables: Mapping[str, Any] = field(repr=False)

    def _content(self) -> dict[str, Any]:
        return {
            "template_id": self.template_id,
            "locale": self.locale,
            "variables": dict(self.variables),
        }


Mail = RenderedMail | TemplateMail


def rfc3339(moment: datetime | None, name: str) -> str | None:
    """Raises InvalidCommandError for a time without a zone: nobody would know which is meant."""
    if moment is None:
        return None
    if moment.utcoffset() is None:
        raise InvalidCommandError(f"{name}: has no time zone")
    return moment.isoformat()


def _recipients(items: Recipients, group: str) -> list[Any]:
    if isinstance(items, str):
        raise InvalidCommandError(f"{group}: must be a list of addresses, not one address")
    return [
        {"email": item.email, "name": item.name} if isinstance(item, Mailbox) else item
        for item in items
    ]


def _file(attachment: Attachment) -> dict[str, str]:
    return {
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "content_base64": base64.b64encode(attachment.content).decode("ascii"),
    }
