"""manage.py stream_offset"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from deliveries.intake.gaps import order_of
from deliveries.intake.position import (
    MOST_COUNTED,
    AheadError,
    Position,
    entries_between,
    read_position,
    resolve,
    set_position,
)
from deliveries.management.arguments import entry_id
from deliveries.management.operator_command import Answer, OperatorCommand, RefusedError
from deliveries.management.tables import cell


def _target(text: str) -> str:
    try:
        return text if text in ("start", "end") else entry_id(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither an entry id nor start nor end"
        ) from None


class Command(OperatorCommand):
    help = (
        "Show how far the stream is read, what waits on it and what was lost unread; or make it"
        " continue from another place."
    )
    statuses = {1: "it was not set"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--set",
            type=_target,
            metavar="ENTRY_ID",
            help="read on after this entry; also start (from the first one left) and end (from the"
            " next one to come)",
        )
        parser.add_argument("--yes", action="store_true", help="set it without asking")

    def answer(self, options: Mapping[str, Any]) -> Answer:
        position = read_position(settings.MAIL)
        if options["set"] is None:
            return Answer(data=_data(position), text=_text(position))
        try:
            target = resolve(options["set"], position)
        except AheadError:
            raise RefusedError("the stream does not reach that far: `end` is its last id") from None
        what = _consequence(position, target)
        if not options["yes"] and not _confirmed(what):
            raise RefusedError("nothing was changed; --yes sets it without asking")
        published = set_position(position, target, config=settings.MAIL)
        note = "" if published else "\nThe copy in Redis follows with the next entry."
        return Answer(
            data={"stream": position.stream, "before": position.place, "now": target},
            text=f"{position.stream} is read on after {target};"
            f" it was after {position.place}{note}",
        )


def _confirmed(what: str) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{what}\nType yes to do it: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "yes"


def _consequence(position: Position, target: str) -> str:
    number = entries_between(position, target, config=settings.MAIL)
    entries = "1 entry" if number == 1 else f"{_count(number)} entries"
    if order_of(target) > order_of(position.place):
        return f"{entries} would never be read: what they ask for is not sent."
    return (
        f"{entries} would be read again. Commands whose idempotency keys or deliveries"
        " still exist are recognized as duplicates; others are sent again."
    )


def _data(position: Position) -> dict[str, Any]:
    state = position.state
    return {
        "stream": position.stream,
        "cursor": position.cursor,
        "published": position.published,
        "first_entry_id": state.first_entry_id if state else None,
        "last_entry_id": state.last_generated_id if state else None,
        "entries": state.length if state else 0,
        "lag": position.lag,
        "finished": position.finished,
        "gaps": position.gaps,
        "reader": position.reader,
    }


def _text(position: Position) -> str:
    data = _data(position)
    reader = position.reader
    facts = {
        "stream": data["stream"],
        "cursor": position.cursor or "none: nothing was read yet",
        "published": data["published"],
        "first entry": data["first_entry_id"],
        "last entry": data["last_entry_id"],
        "entries": data["entries"],
        "lag": _count(position.lag),
        "finished": data["finished"],
        "gaps": data["gaps"],
        "reader": f"pid {reader['pid']} on {reader['host']}, since {cell(reader['started_at'])}"
        if reader
        else "nobody reads it now",
    }
    width = max(map(len, facts)) + 2
    return "\n".join(f"{name.ljust(width)}{cell(value)}" for name, value in facts.items())


def _count(number: int) -> str:
    return f"{number} or more" if number == MOST_COUNTED else str(number)
