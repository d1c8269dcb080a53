"""Attachments from a command's payload. Pure."""

import base64
import binascii
import re
from typing import Any

from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.intake.texts import is_line
from deliveries.payload import Attachment

_MEMBERS = frozenset({"filename", "content_type", "content_base64"})
# RFC 2045 section 5.1: two tokens, without parameters
_CONTENT_TYPE = re.compile(
    r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,127}/[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,127}"
)
_LONGEST_NAME = 255
_MOST = 100


def parse_attachments(value: Any) -> tuple[Attachment, ...]:
    """A list of files. Raises Rejection(invalid_attachment)."""
    if not isinstance(value, list) or len(value) > _MOST:
        raise _rejected(f"attachments: must be a list of at most {_MOST}")
    return tuple(_attachment(item, f"attachments[{place}]") for place, item in enumerate(value))


def _attachment(item: Any, where: str) -> Attachment:
    if not isinstance(item, dict) or item.keys() != _MEMBERS:
        raise _rejected(f"{where}: must have filename, content_type, content_base64, nothing else")
    filename, content_type = item["filename"], item["content_type"]
    if not isinstance(filename, str) or not 1 <= len(filename) <= _LONGEST_NAME:
        raise _rejected(f"{where}.filename: must have 1 to {_LONGEST_NAME} characters")
    if not is_line(filename) or "/" in filename or "\\" in filename or not filename.strip(" ."):
        raise _rejected(f"{where}.filename: must be a file's name on one line, without a path")
    if not isinstance(content_type, str) or not _CONTENT_TYPE.fullmatch(content_type):
        raise _rejected(f"{where}.content_type: must be type/subtype, without parameters")
    if content_type.lower().startswith("multipart/"):
        raise _rejected(f"{where}.content_type: multipart is not a file's type")
    return Attachment(filename, content_type.lower(), _content(item["content_base64"], where))


def _content(text: Any, where: str) -> bytes:
    if not isinstance(text, str):
        raise _rejected(f"{where}.content_base64: must be text")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _rejected(f"{where}.content_base64: is not base64") from None


def _rejected(message: str) -> Rejection:
    return Rejection(RejectionCode.INVALID_ATTACHMENT, message)
