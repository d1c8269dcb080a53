"""Parameters of MIME fields, file names above all (RFC 2045 section 5.1, RFC 2231)."""

import re
import unicodedata

from deliveries.attempt.message.encoded_words import MARKER
from deliveries.attempt.message.headers import refuse_breaks

# Without the quote and the backslash, which not every reader unescapes.
_QUOTABLE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_LITERAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")
_UNSAFE = re.compile(r"[^A-Za-z0-9 ()+,.@_-]")
_LONGEST_VALUE = 55  # with ` filename*99*=`, `utf-8''` and a semicolon still under 76 per line
_LONGEST_SUFFIX = 10


def filename_pieces(filename: str) -> list[str]:
    """The `filename` parameter, one piece per line: quoted, or RFC 2231 where that cannot hold it.

    RFC 2231 is used for non-ASCII and control characters, quotes and backslashes, white space at
    the ends, `=?` and long names, which are continued over several pieces. ValueError: a line break
    or NUL.
    """
    refuse_breaks(value=filename, what="a file name")
    if len(filename) <= _LONGEST_VALUE and _is_quotable(filename):
        return [f' filename="{filename}"']
    segments = _segments(filename)
    if len(segments) == 1:
        return [f" filename*=utf-8''{segments[0]}"]
    first, *rest = segments
    return [
        f" filename*0*=utf-8''{first}",
        *(f" filename*{number}*={segment}" for number, segment in enumerate(rest, start=1)),
    ]


def plain_name(filename: str) -> str:
    """An ASCII likeness of `filename`, for readers that know `name` only: short, suffix kept."""
    if len(filename) <= _LONGEST_VALUE and _is_quotable(filename):
        return filename
    decomposed = unicodedata.normalize("NFKD", filename)
    bare = "".join(part for part in decomposed if not unicodedata.combining(part))
    ascii_name = _UNSAFE.sub("_", bare).strip()
    stem, dot, suffix = ascii_name.rpartition(".")
    if not stem or len(suffix) > _LONGEST_SUFFIX:
        return ascii_name[:_LONGEST_VALUE]
    return stem[: _LONGEST_VALUE - len(dot + suffix)] + dot + suffix


def _is_quotable(filename: str) -> bool:
    return (
        MARKER not in filename
        and '"' not in filename
        and "\\" not in filename
        and _QUOTABLE.fullmatch(filename) is not None
    )


def _segments(filename: str) -> list[str]:
    """Percent-encoded, cut between characters: some readers decode segment by segment."""
    segments = [""]
    for character in filename:
        piece = character if character in _LITERAL else _percent_encode(character)
        if len(segments[-1]) + len(piece) > _LONGEST_VALUE:
            segments.append("")
        segments[-1] += piece
    return segments


def _percent_encode(character: str) -> str:
    return "".join(f"%{octet:02X}" for octet in character.encode())
