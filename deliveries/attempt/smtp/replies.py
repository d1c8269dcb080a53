"""SMTP replies from bytes (RFC 5321 section 4.2). Pure.

These functions raise only ProtocolError, whatever bytes go in.
"""

import re
from functools import lru_cache

from deliveries.outcome.report import Reply

LONGEST_LINE = 4096  # RFC 5321 section 4.5.3.1.5 says 512, and relays say more
LONGEST_REPLY = 65536
MOST_LINES = 128

_CODE = re.compile(rb"[2-5][0-9]{2}")
_BEGINNING = re.compile(rb"(?:[2-5][0-9]{0,2})?\Z|[2-5][0-9]{2}[- \r]")
_SHORT = re.compile(rb"[2-5][0-9]{2} [^\n]{0,4092}\n")
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?= |$)", re.ASCII)
_SPACE, _HYPHEN, _CR, _LF = b" -\r\n"


class ProtocolError(Exception):
    """The relay said something that is not SMTP. The text is ours, without the relay's bytes."""


def find_end(received: bytes) -> int:
    """Where the first reply in `received` ends, -1 as long as it is not complete.

    A line may end with a bare LF. Raises ProtocolError as soon as no end could make it a reply.
    """
    end = received.find(b"\n")
    if 3 < end <= LONGEST_LINE and received[3] == _SPACE and _CODE.match(received):
        return end + 1  # the usual one: a single line
    start = 0
    code = b""
    for _ in range(MOST_LINES):
        end = received.find(b"\n", start)
        if end < 0:
            _check_beginning(received, start)
            return -1
        if end - start > LONGEST_LINE or end > LONGEST_REPLY:
            raise ProtocolError("the reply is too long")
        found = received[start : start + 3]
        if not code and _CODE.fullmatch(found):
            code = found
        elif found != code:
            raise ProtocolError("the lines differ in code" if code else "a line has no reply code")
        mark = received[start + 3]
        if mark in (_SPACE, _LF) or (mark == _CR and end == start + 4):
            return end + 1
        if mark != _HYPHEN:
            raise ProtocolError("a line has no reply code")
        start = end + 1
    raise ProtocolError("the reply has too many lines")


def find_short(received: bytes) -> list[bytes]:
    """The replies in `received`, if it holds only whole replies of one line; else none."""
    replies = _SHORT.findall(received)
    return replies if sum(map(len, replies)) == len(received) else []


def parse_reply(raw: bytes) -> Reply:
    """A complete reply, as `find_end` marks it off."""
    if raw.find(b"\n") + 1 == len(raw) and raw.isascii():  # the usual one
        text = raw[4:].decode().strip()
        if text.isprintable():
            code = int(raw[:3])
            match = _ENHANCED.match(text)
            if match is None or ord(text[0]) != raw[0]:
                return Reply(code, None, text)
            return Reply(code, match[0], text[match.end() :].lstrip())
    return parse_lines(raw)


# most recipients are told the same
parse_repeated_reply = lru_cache(maxsize=64)(parse_reply)


def parse_lines(raw: bytes) -> Reply:
    """The same for any reply, slower."""
    lines = [line[4:].strip().decode("utf-8", "replace") for line in raw.split(b"\n") if line]
    code = int(raw[:3])
    enhanced = None
    match = _ENHANCED.match(lines[0])
    if match is not None and int(match[1]) == code // 100:
        enhanced = match[0]
        lines = [line.removeprefix(enhanced).lstrip() for line in lines]
    text = " ".join(lines) if len(lines) > 1 else lines[0]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return Reply(code=code, enhanced=enhanced, text=text.strip())


def parse_keywords(raw: bytes) -> dict[str, str]:
    """What a complete 250 to EHLO offers: keyword in upper case -> its parameters.

    The mechanisms of several AUTH lines add up, and `AUTH=LOGIN`, which old relays say, is one.
    """
    keywords: dict[str, str] = {}
    for line in raw.split(b"\n")[1:]:
        text = line[4:].strip().decode("ascii", "replace")
        keyword, _, parameters = text.partition(" ")
        keyword = keyword.upper()
        if keyword.startswith("AUTH="):
            keyword, parameters = "AUTH", f"{keyword[5:]} {parameters}"
        if keyword == "AUTH":
            parameters = f"{keywords.get(keyword, '')} {parameters}".strip()
        if keyword:
            keywords[keyword] = parameters
    return keywords


def _check_beginning(received: bytes, start: int) -> None:
    """What cannot be a reply must not wait for a line end that may never come."""
    if len(received) - start > LONGEST_LINE or len(received) > LONGEST_REPLY:
        raise ProtocolError("the reply is too long")
    if not _BEGINNING.match(received, start):
        raise ProtocolError("a line has no reply code")
