"""manage.py malformed_commands"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from deliveries.intake.publishing import PublishingError, StreamAwayError
from deliveries.intake.replaying import Kept, find_malformed, original_fields, replay
from deliveries.json_files import JsonFileError, read_object
from deliveries.listing.cursors import InvalidCursorError
from deliveries.listing.pages import LONGEST_PAGE, ReadTooLongError, list_malformed_commands
from deliveries.management.arguments import between, entry_id
from deliveries.management.malformed_text import (
    HIDDEN,
    as_object,
    describe_malformed,
    is_login_code,
    where,
)
from deliveries.management.operator_command import Answer, OperatorCommand, RefusedError
from deliveries.management.tables import table

_COLUMNS = ("stream_entry_id", "recorded_at", "failure_code", "delivery_id", "failure_message")


class Command(OperatorCommand):
    help = (
        "List the stream entries that could not be accepted, newest first; show one, with what is"
        " wrong where; put a corrected one on the stream again, under its original key."
    )
    statuses = {1: "unknown, no longer available, or it would be rejected again"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "entry_id", nargs="?", type=entry_id, metavar="ENTRY_ID", help="show this one"
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--fields", action="store_true", help="print its fields as JSON, to be corrected"
        )
        how.add_argument(
            "--replay",
            metavar="FILE",
            help="JSON: the fields to change, null to take one out; - for stdin",
        )
        parser.add_argument(
            "--limit",
            type=between(1, LONGEST_PAGE),
            default=50,
            metavar="N",
            help="of the list, default 50",
        )
        parser.add_argument("--cursor", help="of the list: where the page before ended")

    def answer(self, options: Mapping[str, Any]) -> Answer:
        if options["entry_id"] is None:
            if options["fields"] or options["replay"]:
                raise CommandError("--fields and --replay need an ENTRY_ID", returncode=2)
            return _list(options)
        kept = find_malformed(options["entry_id"])
        if kept is None:
            raise RefusedError(f"there is no malformed command {options['entry_id']}")
        try:
            if options["replay"]:
                return _replay(kept, options["replay"])
            return _fields(kept) if options["fields"] else _show(kept)
        except StreamAwayError:
            raise
        except (PublishingError, JsonFileError) as error:
            raise RefusedError(str(error)) from None


def _list(options: Mapping[str, Any]) -> Answer:
    try:
        page = list_malformed_commands(limit=options["limit"], cursor=options["cursor"])
    except InvalidCursorError:
        raise RefusedError("--cursor: no page of this list ended there") from None
    except ReadTooLongError:
        raise RefusedError("PostgreSQL took longer than two seconds") from None
    more = f"\nmore: --cursor {page.next_cursor}" if page.next_cursor else ""
    return Answer(
        data={"items": page.items, "next_cursor": page.next_cursor},
        text=f"{table(page.items, _COLUMNS)}{more}" if page.items else "No malformed commands.",
    )


def _show(kept: Kept) -> Answer:
    place, _ = where(kept)
    fields = None if kept.fields is None else as_object(kept.fields)
    if fields and is_login_code(kept):
        fields["payload_json"] = HIDDEN
    data = {
        "stream": kept.stream,
        "stream_entry_id": kept.entry_id,
        "delivery_id": kept.delivery_id,
        "source": kept.source,
        "failure_code": kept.failure_code,
        "failure_message": kept.failure_message,
        "where": place,
        "recorded_at": kept.recorded_at,
        "is_cut": kept.is_cut,
        "fields": fields,
    }
    return Answer(data=data, text=describe_malformed(kept))


def _fields(kept: Kept) -> Answer:
    if is_login_code(kept):
        raise RefusedError(HIDDEN)
    fields = as_object(original_fields(kept, config=settings.MAIL))
    return Answer(data=fields, text=json.dumps(fields, indent=2, ensure_ascii=True))


def _replay(kept: Kept, file: str) -> Answer:
    published = replay(kept, read_object(file), config=settings.MAIL)
    return Answer(
        data=asdict(published),
        text=f"on the stream again: entry {published.entry_id}, delivery {published.delivery_id}",
    )
