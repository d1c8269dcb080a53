"""Readers of single values: text in, value out, or `UnreadableError` without the text in it.

A reader takes a text that is not empty and holds no control characters.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from deliveries.conf.problems import UnreadableError

Value = TypeVar("Value")
Option = TypeVar("Option", bound=StrEnum)
Reader = Callable[[str], Value]

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")
_WHOLE = re.compile(r"[0-9]{1,18}")
_RATIO = re.compile(r"0|1|0?\.[0-9]{1,18}|1\.0{1,18}|0\.0{1,18}")
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "1"), True),
    **dict.fromkeys(("false", "no", "0"), False),
}
# A language of two or three letters and its subtags (RFC 5646 section 2.1).
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
_KEY = re.compile(r"[!-~]{1,512}")


def text(value: str) -> str:
    return value


def boolean(value: str) -> bool:
    try:
        return _BOOLEANS[value.lower()]
    except KeyError:
        raise UnreadableError("is neither true nor false") from None


def whole(*, minimum: int, maximum: int) -> Reader[int]:
    def read(value: str) -> int:
        if not _WHOLE.fullmatch(value):
            raise UnreadableError(f"is not a whole number from {minimum} to {maximum}")
        number = int(value)
        if not minimum <= number <= maximum:
            raise UnreadableError(f"is not between {minimum} and {maximum}")
        return number

    return read


def ratio(value: str) -> float:
    if not _RATIO.fullmatch(value):
        raise UnreadableError("is not a number from 0 to 1")
    return float(value)


def duration(*, minimum: timedelta, maximum: timedelta) -> Reader[timedelta]:
    def read(value: str) -> timedelta:
        found = _duration(value)
        if not minimum <= found <= maximum:
            raise UnreadableError(f"is not between {spell(minimum)} and {spell(maximum)}")
        return found

    return read


def duration_or_never(*, minimum: timedelta, maximum: timedelta) -> Reader[timedelta | None]:
    """A duration, or `0` for never, which reads as None."""
    read = duration(minimum=minimum, maximum=maximum)
    return lambda value: None if value == "0" else read(value)


def spell(value: timedelta) -> str:
    """A duration of whole milliseconds as it would be configured, in its largest whole unit."""
    if not value:
        return "0s"
    unit = next(name for name in reversed(_UNITS) if not value % _UNITS[name])
    return f"{value // _UNITS[unit]}{unit}"


def choice(options: type[Option]) -> Reader[Option]:
    def read(value: str) -> Option:
        try:
            return options(value.lower())
        except ValueError:
            known = ", ".join(options)
            raise UnreadableError(f"is not one of {known}") from None

    return read


def items(
    read_item: Reader[Value], *, maximum: int, may_repeat: bool = False
) -> Reader[tuple[Value, ...]]:
    """A comma list. What is wrong with an item is told with its place, counted from 1."""

    def read(value: str) -> tuple[Value, ...]:
        parts = value.split(",")
        if len(parts) > maximum:
            raise UnreadableError(f"holds more than {maximum} items")
        found: list[Value] = []
        for number, part in enumerate(parts, start=1):
            found.append(item(read_item, part=part.strip(), number=number))
            if not may_repeat and found[-1] in found[:-1]:
                raise UnreadableError(f"repeats an earlier item in item {number}")
        return tuple(found)

    return read


def item(read_item: Reader[Value], *, part: str, number: int) -> Value:
    """One item of a list; what is wrong with it is told with its number."""
    if not part:
        raise UnreadableError(f"has an empty item {number}")
    try:
        return read_item(part)
    except UnreadableError as unreadable:
        raise UnreadableError(f"has an item {number} that {unreadable}") from None


def locale(value: str) -> str:
    if not _LOCALE.fullmatch(value):
        raise UnreadableError("is not a BCP 47 language tag")
    return value


def redis_key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise UnreadableError("is not a key of 1 to 512 visible ASCII characters")
    return value


def marker(value: str) -> str:
    return value.lower()


def _duration(value: str) -> timedelta:
    match = _DURATION.fullmatch(value)
    if match is None:
        if _WHOLE.fullmatch(value):
            raise UnreadableError("has no unit: ms, s, m, h or d goes after the number")
        raise UnreadableError("is not a duration: a whole number and ms, s, m, h or d")
    try:
        return int(match[1]) * _UNITS[match[2]]
    except OverflowError:
        raise UnreadableError("is too long a duration") from None
