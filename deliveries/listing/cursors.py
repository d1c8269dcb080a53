"""Where a page ends and the next begins, as an opaque text that the caller sends back. Pure."""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

_FORM = struct.Struct(">Bqq")  # the list, microseconds since 1970, the row's key
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST = 64


class List(IntEnum):
    """A cursor is of one list, and no other takes it."""

    DELIVERIES = 1
    DEAD_LETTERS = 2
    MALFORMED_COMMANDS = 3


class InvalidCursorError(Exception):
    """No page of this list ended with this cursor."""


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: its key, and its time where the list is ordered by one."""

    key: int
    moment: datetime = _EPOCH


def write_cursor(kind: List, place: Place) -> str:
    micros = (place.moment - _EPOCH) // _MICROSECOND
    return urlsafe_b64encode(_FORM.pack(kind, micros, place.key)).rstrip(b"=").decode()


def read_cursor(kind: List, text: str) -> Place:
    """Raises InvalidCursorError."""
    try:
        raw = text[:_LONGEST].encode("ascii")
        found, micros, key = _FORM.unpack(urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
        place = Place(key=key, moment=_EPOCH + micros * _MICROSECOND)
    except (UnicodeEncodeError, binascii.Error, struct.error, OverflowError):
        raise InvalidCursorError from None
    # one text per cursor: what decodes only loosely is not one of ours
    if found != kind or key < 0 or write_cursor(kind, place) != text:
        raise InvalidCursorError
    return place
