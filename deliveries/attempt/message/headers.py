"""Header fields: what may stand in them, how they are folded (RFC 5322 section 2.2.3).

A field is returned complete, CRLF included. Lines are folded at 76 characters, the limit of a line
with encoded words in it (RFC 2047 section 2), and only where white space already stands, so that
unfolding gives the value back.
"""

import re
from urllib.parse import quote

from deliveries.attempt.message.encoded_words import MARKER, encode_words

LINE = 76
LONGEST_LINE = 998  # RFC 5322 section 2.1.1, in octets, CRLF excluded

# A name leaves room on its line for an encoded word.
_NAME = re.compile(r"[!-9;-~]{1,900}")
_BREAKS = re.compile(r"[\r\n\0]")
_PLAIN = re.compile(r"[!-~](?:[\t -~]*[!-~])?")
_WORD = re.compile(r"[\t ]*[^\t ]+")
_BRACKETED = re.compile(r"(<[^<>]*>)")
_URI_CHARACTERS = "".join(map(chr, range(0x21, 0x7F)))


def refuse_breaks(*, value: str, what: str) -> None:
    """ValueError when `value` holds CR, LF or NUL, which no header may. Never quotes the value."""
    if _BREAKS.search(value):
        raise ValueError(f"{what} holds a line break or NUL")


def is_plain(text: str) -> bool:
    """Whether a header shows `text` as it is: visible ASCII with white space inside only.

    Text with `=?` in it is not plain, whatever follows: a reader might take it for an encoded word,
    and what that decodes to may be a header of its own.
    """
    return MARKER not in text and _PLAIN.fullmatch(text) is not None


def fold(*, name: str, pieces: list[str]) -> str:
    """The field of `pieces`, broken between them where a line would pass 76 characters.

    Every piece but the first begins with white space; each is kept whole. The first stays beside
    the name: a line of only the name and white space is lost on some relays.
    """
    lines = []
    line = f"{name}: {pieces[0]}"
    for piece in pieces[1:]:
        if len(line) + len(piece) > LINE:
            lines.append(line)
            line = piece
        else:
            line += piece
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def room_beside(name: str) -> int:
    """Characters left on the first line of the field `name`."""
    return LINE - len(name) - 2


def write_unstructured(*, name: str, value: str) -> str:
    """A field of free text: as it is when that is plain, else whole in encoded words.

    Encoding all of it keeps its white space exactly; what is ASCII but has a word too long for any
    line is encoded too. ValueError: a line break or NUL in the value.
    """
    refuse_breaks(value=value, what=f"header {name}")
    if not value:
        return f"{name}:\r\n"
    if is_plain(value):
        field = fold(name=name, pieces=_WORD.findall(value))
        if _fits(field):
            return field
    return _fold_encoded(name=name, value=value)


def write_producer_header(*, name: str, value: str) -> str:
    """A field that came with the command.

    ValueError: a name that is not a field name, a line break or NUL in the value.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a header name is empty, too long, or not of visible ASCII without colon")
    if name[:5].lower() == "list-" and not is_plain(value):
        return _write_list_header(name=name, value=value)
    return write_unstructured(name=name, value=value)


def _write_list_header(*, name: str, value: str) -> str:
    """A List-* field (RFC 2369, RFC 2919) that is not plain.

    What stands in angle brackets is for programs, which decode no encoded words there: a URI is
    percent-encoded where it must be (RFC 3986), so that unsubscribing still works. The text around
    it is for people and is encoded.
    """
    refuse_breaks(value=value, what=f"header {name}")
    parts = [_rewrite_part(part, room=room_beside(name)) for part in _BRACKETED.split(value)]
    pieces = _WORD.findall("".join(parts))
    if pieces:
        field = fold(name=name, pieces=[pieces[0].lstrip("\t "), *pieces[1:]])
        if _fits(field):
            return field
    return write_unstructured(name=name, value=value.strip("\t "))


def _rewrite_part(part: str, *, room: int) -> str:
    core = part.strip("\t ")
    if not core or is_plain(core):
        return part
    if core.startswith("<") and core.endswith(">"):
        return quote(core, safe=_URI_CHARACTERS).replace(MARKER, "=%3F")
    before, _, after = part.partition(core)
    words = " ".join(encode_words(text=core, first_room=room))
    return f"{before or ' '}{words}{after or ' '}"  # it is one only between white space


def _fold_encoded(*, name: str, value: str) -> str:
    words = encode_words(text=value, first_room=room_beside(name))
    return fold(name=name, pieces=[words[0], *(f" {word}" for word in words[1:])])


def _fits(field: str) -> bool:
    return len(field) <= LONGEST_LINE or all(
        len(line) <= LONGEST_LINE for line in field.split("\r\n")
    )
