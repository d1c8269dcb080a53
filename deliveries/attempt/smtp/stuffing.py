"""A message as it goes over the wire (RFC 5321 section 4.5.2). Pure."""

import re
from typing import NamedTuple

_LONE_BREAK = re.compile(rb"(?<!\r)\n|\r(?!\n)")
# Lines that may go as they are: each ends with CRLF, none begins with a dot. A lone CR is looked
# for apart: two passes are the quickest.
_CLEAN = re.compile(rb"(?:(?!\.).*+(?<=\r)\n)*+")
_LONE_CR = re.compile(rb"\r(?!\n)")


class Outgoing(NamedTuple):
    """`data` is stuffed and ends with the dot; `size` counts the message without either."""

    data: bytes
    size: int
    is_ascii: bool


def prepare(message: bytes) -> Outgoing:
    """Lone CR and LF become CRLF first: a dot after one ends the message for a lax relay."""
    if _CLEAN.fullmatch(message) and not _LONE_CR.search(message):
        stuffed = message
    else:
        message = _LONE_BREAK.sub(b"\r\n", message)
        if not message.endswith(b"\r\n"):
            message += b"\r\n"
        stuffed = message.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
    return Outgoing(data=stuffed + b".\r\n", size=len(message), is_ascii=message.isascii())
