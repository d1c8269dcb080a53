"""Readers of what an operator types. What cannot be read is a usage error, exit status 2."""

import argparse
import re
from datetime import UTC, datetime, timedelta

from deliveries.conf.problems import UnreadableError
from deliveries.conf.readers import duration

_LONGEST = timedelta(days=3650)
_ago = duration(minimum=timedelta(0), maximum=_LONGEST)
_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")


def moment(text: str) -> datetime:
    """A duration, `2h`, counts back from now; else an RFC 3339 time with its offset."""
    try:
        return datetime.now(UTC) - _ago(text)
    except UnreadableError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a duration (30m, 2h, 7d) nor a time (2026-03-09T14:30:00Z)"
        )
    return found


def one_line(text: str) -> str:
    cleaned = text.strip()
    if not cleaned or not cleaned.isprintable():
        raise argparse.ArgumentTypeError("must be one line of text")
    return cleaned


def delivery_id(text: str) -> str:
    """Any text that the database can be asked for; that it is nobody's is for the answer."""
    if "\x00" in text or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is no delivery id")
    return text


def entry_id(text: str) -> str:
    if not _ENTRY_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no stream entry id (two numbers with a dash: 1772438400000-0)"
        )
    return text


def between(lowest: int, highest: int) -> "_Whole":
    return _Whole(lowest, highest)


class _Whole:
    """A whole number in a range; argparse calls it."""

    def __init__(self, lowest: int, highest: int) -> None:
        self._lowest, self._highest = lowest, highest

    def __call__(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not (
            self._lowest <= int(text) <= self._highest
        ):
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {self._lowest} to {self._highest}"
            )
        return int(text)
