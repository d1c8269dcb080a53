"""What is sent: the content of one mail, from acceptance to the last attempt. Pure: no Django.

Intake makes a `Payload` once, from a validated command or a rendered template; it is stored as it
is, and every attempt builds its message from it. What changes per attempt (From, Date, the envelope
sender) is not part of it.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address with its display name.

    `address` is validated: its domain is in ASCII (IDNA 2008), its local part may be non-ASCII and
    then needs SMTPUTF8 at the relay. `name` holds no control characters, and is "" when absent.
    """

    address: str
    name: str = ""

    @property
    def needs_smtputf8(self) -> bool:
        return not self.address.isascii()

    def as_json(self) -> dict[str, str]:
        return {"email": self.address, "name": self.name}

    @classmethod
    def from_json(cls, value: dict[str, str]) -> "Mailbox":
        return cls(address=value["email"], name=value["name"])


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file. `content_type` is `type/subtype`, lower case, without parameters."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Payload:
    """The content of one mail.

    `headers` are the producer's own (X-*, List-*, Auto-Submitted, In-Reply-To, References) in their
    order, as (name, value) with no control characters. `variables` is what a template was rendered
    with, None in rendered mode.
    """

    to: tuple[Mailbox, ...]
    subject: str
    text_body: str
    html_body: str | None = None
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    variables: dict[str, Any] | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every envelope recipient once, in order of first appearance."""
        everyone = (*self.to, *self.cc, *self.bcc)
        return tuple(dict.fromkeys(mailbox.address for mailbox in everyone))

    @property
    def content_bytes(self) -> int:
        """About how much memory the content takes: bodies and attachments, in bytes."""
        bodies = len(self.text_body.encode()) + len((self.html_body or "").encode())
        return bodies + sum(len(attachment.content) for attachment in self.attachments)
