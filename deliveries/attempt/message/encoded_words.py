"""Encoded words: text that a header cannot hold as it is (RFC 2047)."""

from binascii import b2a_base64

MARKER = "=?"
SHORTEST_ROOM = 24  # the least that holds any one character in either encoding

_LONGEST = 75  # RFC 2047 section 2
_Q_FRAME = ("=?utf-8?q?", "?=")
_B_FRAME = ("=?utf-8?b?", "?=")
_FRAME_LENGTH = 12
# The strictest of the three sets of RFC 2047 section 5 (a phrase's), right in every place.
_LITERAL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_Q_TABLE = {
    **{chr(octet): f"={octet:02X}" for octet in range(128)},
    **{character: character for character in _LITERAL.decode()},
    " ": "_",
}
_ONE_FOR_ONE = _LITERAL + b" "


def encode_words(*, text: str, first_room: int = _LONGEST) -> list[str]:
    """Non-empty `text` as encoded words, to be joined by white space, which decoders drop.

    Each word is at most 75 characters and holds whole characters only; the first is at most
    `first_room` characters, or 24 where less is asked for. Q is used for text that stays legible in
    it, B for the rest. A lone surrogate is a ValueError.
    """
    octets = text.encode()
    first = min(max(first_room, SHORTEST_ROOM), _LONGEST) - _FRAME_LENGTH
    rest = _LONGEST - _FRAME_LENGTH
    escapes = len(octets.translate(None, _ONE_FOR_ONE))
    if escapes * 2 <= len(octets):
        return [chunk.join(_Q_FRAME) for chunk in _quoted(text, first=first, rest=rest)]
    # whole groups of three octets, so that no word but the last is padded without need
    chunks = _cut(octets, first=first // 4 * 3, rest=rest // 4 * 3)
    return [b2a_base64(chunk, newline=False).decode().join(_B_FRAME) for chunk in chunks]


def _quoted(text: str, *, first: int, rest: int) -> list[str]:
    """`text` in Q, in chunks of at most `first`, then `rest` characters."""
    chunks = []
    chunk = ""
    room = first
    for character in text:
        piece = _Q_TABLE.get(character) or _escape(character)
        if len(chunk) + len(piece) > room:
            chunks.append(chunk)
            chunk = ""
            room = rest
        chunk += piece
    return [*chunks, chunk]


def _escape(character: str) -> str:
    return "".join(f"={octet:02X}" for octet in character.encode())


def _cut(octets: bytes, *, first: int, rest: int) -> list[bytes]:
    """UTF-8 `octets` in chunks of at most `first`, then `rest`, cut between characters."""
    chunks = []
    start, room = 0, first
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        chunks.append(octets[start:end])
        start, room = end, rest
    return [*chunks, octets[start:]]
