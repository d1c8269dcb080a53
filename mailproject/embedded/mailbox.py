"""The folder where caught mail lies: one `.eml` per mail, and `index.jsonl` about all of them."""

import email
import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Self

INDEX = "index.jsonl"
_UNSAFE = re.compile(r"[^\w@.+-]+")
_NAME_PART_BYTES = 64  # two of them and the number fit any file system's 255


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One line of the index. `tls` is the protocol's version, None in clear; `login` who it was."""

    file: str
    received_at: str
    message_id: str
    subject: str
    sender: str
    recipients: tuple[str, ...]
    tls: str | None
    login: str | None

    @classmethod
    def from_json(cls, line: str) -> Self:
        fields = json.loads(line)
        return cls(**{**fields, "recipients": tuple(fields["recipients"])})


class MailFolder:
    """What root writes belongs to the folder's owner."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._count = len(self.mails())

    def mails(self) -> list[CaughtMail]:
        """Return what was caught so far, in order."""
        try:
            lines = (self.path / INDEX).read_text("utf-8").split("\n")
        except FileNotFoundError:
            return []
        return [CaughtMail.from_json(line) for line in lines[:-1]]

    def keep(
        self,
        content: bytes,
        *,
        sender: str,
        recipients: tuple[str, ...],
        tls: str | None,
        login: str | None,
    ) -> CaughtMail:
        """Write the mail's bytes as they came, then its line in the index."""
        header = email.message_from_bytes(content)
        subject = _decoded(header, "subject")
        self._count += 1
        mail = CaughtMail(
            file=f"{self._count:04}-{_safe(recipients[0])}-{_safe(subject)}.eml",
            received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            message_id=_decoded(header, "message-id"),
            subject=subject,
            sender=sender,
            recipients=recipients,
            tls=tls,
            login=login,
        )
        unfinished = self.path / f".{self._count:04}.part"
        unfinished.write_bytes(content)
        self._own(unfinished).rename(self.path / mail.file)
        with (self.path / INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(asdict(mail), ensure_ascii=False) + "\n")
        self._own(self.path / INDEX)
        return mail

    def _own(self, path: Path) -> Path:
        if os.geteuid() == 0:
            owner = self.path.stat()
            os.chown(path, owner.st_uid, owner.st_gid)
        return path


def _safe(text: str) -> str:
    short = _UNSAFE.sub("-", text).encode()[:_NAME_PART_BYTES].decode("utf-8", "ignore")
    return short.strip("-.") or "none"


def _decoded(header: Message, name: str) -> str:
    """Return a header's text; what cannot be decoded stays as it came: no mail is lost to it."""
    raw = str(header.get(name, "")).replace("\r", "").replace("\n", "")
    try:
        text = str(make_header(decode_header(raw)))
    except (LookupError, ValueError):  # an unknown charset; bytes that are not in it
        text = raw
    return text.strip().encode("utf-8", "replace").decode("utf-8")
