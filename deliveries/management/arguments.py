"""Readers of what an operator types. What cannot be read is a usage error, exit status 2."""

import argparse
import re
from datetime import UTC, datetime, timedelta

from deliveries.conf.problems import UnreadableError
from deliveries.conf.readers import duration
from deliveries.intake.addresses import parse_mailboxes
from deliveries.intake.gaps import read_entry_id
from deliveries.intake.rejection import Rejection
from deliveries.intake.texts import is_storable

_LONGEST = timedelta(days=3650)
_ago = duration(minimum=timedelta(0), maximum=_LONGEST)
_DURATION = re.compile(r"[0-9]+[a-z]+")


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


def deadline(text: str) -> datetime:
    """Like `moment`, but a duration counts forward."""
    now = datetime.now(UTC)
    found = moment(text)
    return now + (now - found) if _DURATION.fullmatch(text) else found


def address(text: str) -> str:
    """An email address in the form in which intake stores it."""
    try:
        return parse_mailboxes({"to": [text]})["to"][0].address
    except Rejection as rejection:
        raise argparse.ArgumentTypeError(rejection.message.partition(": ")[2]) from None


def text(value: str) -> str:
    """What the database can be asked for."""
    if not is_storable(value):
        raise argparse.ArgumentTypeError("must be text without NUL")
    return value


def one_line(text: str) -> str:
    cleaned = text.strip()
    if not cleaned or not cleaned.isprintable():
        raise argparse.ArgumentTypeError("must be one line of text")
    return cleaned


def delivery_id(text: str) -> str:
    """Any line of text; that nothing has it is for the answer to say."""
    if not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is not a delivery id")
    return text


def entry_id(text: str) -> str:
    found = read_entry_id(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a stream entry id (two numbers with a dash: 1772438400000-0)"
        )
    return found


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
