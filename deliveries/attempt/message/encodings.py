"""Content transfer encodings (RFC 2045 section 6). Everything comes out as 7-bit lines with CRLF.

Eight-bit bodies would be shorter for some scripts, but only 7-bit ones pass every relay unchanged.
"""

import binascii
import re
from typing import NamedTuple

from deliveries.attempt.message.headers import LONGEST_LINE

_LINE = 76  # RFC 2045 sections 6.7 and 6.8
_VISIBLE = bytes([*b"\t\n", *range(0x20, 0x7F)])
_LITERAL = _VISIBLE.replace(b"=", b"")
# Lines that come through mail systems as they are: none ends in white space, and none is one of the
# two hazards of RFC 2049 section 3.
_SURVIVING = re.compile(
    rb"(?:(?!From |\.\n)(?:.{1,%d}+(?<![ \t]))?\n)*+" % LONGEST_LINE,
)
# b2a_qp writes up to 78 octets where a line ends in white space.
_OVERLONG = re.compile(rb"^(.{74,75})(=(?:20|09))$", re.MULTILINE)
_FROM = re.compile(rb"^From (.*)$", re.MULTILINE)


class EncodedText(NamedTuple):
    """A text ready to be sent: `body` holds CRLF line ends only, and ends in one unless empty."""

    charset: str
    encoding: str
    body: bytes


def encode_text(text: str) -> EncodedText:
    """`text` as a body, in the plainest encoding that arrives unharmed.

    CRLF, CR and LF all count as line ends; a missing last one is added. ASCII goes as it is if
    nothing in it is at risk on the way: control characters, lines over 998, white space at the end
    of a line, and the two hazards of RFC 2049 section 3, "From " and a lone dot. The rest is
    quoted-printable as long as that is the shorter, else base64. A lone surrogate is a ValueError.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text and not text.endswith("\n"):
        text += "\n"
    data = text.encode()
    charset = "us-ascii" if text.isascii() else "utf-8"
    unusual = data.translate(None, _LITERAL)
    if not unusual.strip(b"=") and _SURVIVING.fullmatch(data):
        return EncodedText(charset, "7bit", data.replace(b"\n", b"\r\n"))
    # Each unusual octet costs two more in quoted-printable, base64 a third of everything.
    if len(unusual) * 6 <= len(data):
        return EncodedText(charset, "quoted-printable", _quoted_printable(data))
    return EncodedText(charset, "base64", encode_base64(data.replace(b"\n", b"\r\n")))


def encode_base64(data: bytes) -> bytes:
    """`data` in lines of 76 characters, each ended by CRLF."""
    encoded = binascii.b2a_base64(data, newline=False)
    lines = [encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE)]
    return b"\r\n".join([*lines, b""])


def _quoted_printable(data: bytes) -> bytes:
    # with bare LF, as b2a_qp takes its own line ends from the first one that it sees
    encoded = binascii.b2a_qp(data, istext=True)
    if max(map(len, encoded.split(b"\n"))) > _LINE:
        encoded = _OVERLONG.sub(rb"\1=\n\2", encoded)
    if b"From " in encoded:
        encoded = _FROM.sub(_encode_from, encoded)
    return encoded.replace(b"\n", b"\r\n")


def _encode_from(line: re.Match[bytes]) -> bytes:
    """`=46rom `, on two lines where one has no room for it."""
    rest = line[1]
    return (b"=46rom " if len(rest) + 7 <= _LINE else b"=46=\nrom ") + rest
