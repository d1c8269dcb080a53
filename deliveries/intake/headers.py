"""The producer's own headers. Pure."""

import re
from typing import Any

from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.intake.texts import is_line

# ASCII: otherwise IGNORECASE takes a long s, U+017F, for an s, and no message can carry such a name
_ALLOWED = re.compile(
    r"(?:X-[!-9;-~]+|List-[!-9;-~]+|Auto-Submitted|In-Reply-To|References)",
    re.IGNORECASE | re.ASCII,
)
_MESSAGE_IDS = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>(?: +<[!-;=?-~]+@[!-;=?-~]+>)*")
_AUTO_SUBMITTED = re.compile(r"[A-Za-z][A-Za-z0-9-]*")  # RFC 3834 section 5
_LONGEST_NAME = 76
_LONGEST_VALUE = 998
_LONGEST_ID = 900  # a message id cannot be folded: it has to fit on a line beside its name
_MOST = 50


def parse_headers(value: Any) -> tuple[tuple[str, str], ...]:
    """An object of names and values. Raises Rejection(invalid_header)."""
    if not isinstance(value, dict):
        raise _rejected("headers: must be an object")
    if len(value) > _MOST:
        raise _rejected(f"headers: at most {_MOST} headers")
    if len({name.lower() for name in value}) < len(value):
        raise _rejected("headers: a name is given twice")
    for place, (name, text) in enumerate(value.items()):
        _check(name, text, f"headers[{place}]")
    return tuple(value.items())


def _check(name: str, text: Any, where: str) -> None:
    if len(name) > _LONGEST_NAME or not _ALLOWED.fullmatch(name):
        raise _rejected(
            f"{where}: only X-*, List-*, Auto-Submitted, In-Reply-To and References are allowed"
        )
    if not isinstance(text, str) or not is_line(text):
        raise _rejected(f"{where}: the value must be text on one line")
    if not text.strip() or len(text) > _LONGEST_VALUE:
        raise _rejected(f"{where}: the value must have 1 to {_LONGEST_VALUE} characters")
    lower = name.lower()
    if lower in {"in-reply-to", "references"} and not _is_ids(text):
        raise _rejected(f"{where}: the value must be message ids in angle brackets")
    if lower == "auto-submitted" and not _AUTO_SUBMITTED.fullmatch(text):
        raise _rejected(f"{where}: the value must be a keyword, such as auto-generated")


def _is_ids(text: str) -> bool:
    return _MESSAGE_IDS.fullmatch(text) is not None and all(
        len(message_id) <= _LONGEST_ID for message_id in text.split()
    )


def _rejected(message: str) -> Rejection:
    return Rejection(RejectionCode.INVALID_HEADER, message)
