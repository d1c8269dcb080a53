"""Address fields: From, To, Cc, Reply-To (RFC 5322 section 3.4)."""

import re
from collections.abc import Sequence

from deliveries.attempt.message.encoded_words import MARKER, encode_words
from deliveries.attempt.message.headers import LINE, fold, refuse_breaks, room_beside
from deliveries.payload import Mailbox

_LONGEST_ADDRESS = 320  # octets: 64 of local part, "@", 255 of domain (RFC 5321 section 4.5.3.1)
# Not the whole grammar, which is intake's: what could end the address here and begin something else
# stays out. Non-ASCII is let through as it is (RFC 6532 section 3.2).
_LOCAL = r'[^\s\x00-\x1f\x7f()<>\[\]:;@\\,"]+'
_QUOTED_LOCAL = r'"(?:[^\x00-\x1f\x7f"\\]|\\[ -~])*"'
_ADDRESS = re.compile(rf"({_LOCAL}|{_QUOTED_LOCAL})@([\w.-]+|\[[\w.:-]+\])")

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ATOMS = re.compile(rf"{_ATOM}(?: {_ATOM})*")
_PRINTABLE = re.compile(r"[ -~]+")
_ESCAPED = re.compile(r'(["\\])')
_BACKSLASHED = r"\\\1"
_QUOTED_MARKER = r"=\?"
_LONGEST_PHRASE = 62  # a longer one is encoded: between encoded words a line can be folded


def write_addresses(*, name: str, mailboxes: Sequence[Mailbox]) -> str:
    """The field `name` with its `mailboxes`, of which there is one at least.

    Display names are atoms, a quoted string or encoded words, whichever serves. Addresses are never
    encoded, so a non-ASCII local part makes this field UTF-8 (RFC 6532). ValueError: a line break
    or NUL anywhere, or what is not an address.
    """
    pieces: list[str] = []
    for mailbox in mailboxes:
        # only the first mailbox begins beside the field's name
        words = _words(mailbox, name=name, room=LINE if pieces else room_beside(name))
        if pieces:
            pieces[-1] += ","
            words[0] = f" {words[0]}"
        pieces += [words[0], *(f" {word}" for word in words[1:])]
    return fold(name=name, pieces=pieces)


def _words(mailbox: Mailbox, *, name: str, room: int) -> list[str]:
    refuse_breaks(value=mailbox.name, what=f"a display name in {name}")
    match = _ADDRESS.fullmatch(mailbox.address)
    if match is None or len(mailbox.address.encode()) > _LONGEST_ADDRESS:
        raise ValueError(f"{name} holds what is not an address")
    address = mailbox.address
    if MARKER in address:
        address = f"{_hide_marker(match[1])}@{match[2]}"
    if not mailbox.name:
        return [address]
    return [*_phrase(mailbox.name, room=room), f"<{address}>"]


def _hide_marker(local_part: str) -> str:
    """The same local part (RFC 5322 section 3.2.4) with no `=?` for a reader to decode."""
    content = local_part.removeprefix('"').removesuffix('"')
    return f'"{content.replace(MARKER, _QUOTED_MARKER)}"'


def _phrase(text: str, *, room: int) -> list[str]:
    phrase = text if _ATOMS.fullmatch(text) else f'"{_ESCAPED.sub(_BACKSLASHED, text)}"'
    if len(phrase) <= _LONGEST_PHRASE and MARKER not in text and _PRINTABLE.fullmatch(text):
        return [phrase]
    return encode_words(text=text, first_room=room)
