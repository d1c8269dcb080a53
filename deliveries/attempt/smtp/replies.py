"""SMTP replies from bytes (RFC 5321 section 4.2). Pure."""

import re

from deliveries.outcome.report import Reply

LONGEST_LINE = 4096  # RFC 5321 section 4.5.3.1.5 says 512, and relays say more
MOST_LINES = 128

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?= |$)")
_UNSEEN = re.compile("[ \x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST_TEXT = 512


class ProtocolError(Exception):
    """The relay said something that is no SMTP."""


def parse_line(line: bytes) -> tuple[int, bool, bytes]:
    """One line without its end: the code, whether it is the last, the text."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ProtocolError
    code, mark, text = match.groups()
    return int(code), mark != b"-", text or b""


def join_reply(code: int, texts: list[bytes]) -> Reply:
    """A reply from the texts of its lines."""
    lines = [text.decode("utf-8", "replace") for text in texts]
    enhanced = _ENHANCED.match(lines[0])
    if enhanced is not None and int(enhanced[1]) == code // 100:
        status = enhanced[0]
        lines = [line.removeprefix(status).lstrip() for line in lines]
    else:
        status = None
    text = _UNSEEN.sub(" ", " ".join(lines)).strip()
    return Reply(code=code, enhanced=status, text=text[:_LONGEST_TEXT])
