"""manage.py list_deliveries"""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from deliveries.listing.cursors import InvalidCursorError
from deliveries.listing.filters import Filters
from deliveries.listing.pages import LONGEST_PAGE, ReadTooLongError, list_deliveries
from deliveries.management.arguments import address, between, moment, text
from deliveries.management.operator_command import Answer, OperatorCommand, RefusedError
from deliveries.management.tables import table
from deliveries.states import DeliveryStatus, FailureCode, Source

_COLUMNS = ("delivery_id", "created_at", "source", "status", "attempts", "failure", "to")


class Command(OperatorCommand):
    help = "List deliveries, newest first, a page at a time."
    statuses = {1: "no such cursor, or too much to look through in two seconds"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--status", choices=[status.value for status in DeliveryStatus])
        parser.add_argument("--source", choices=[source.value for source in Source])
        parser.add_argument("--failure-code", choices=[code.value for code in FailureCode])
        parser.add_argument("--recipient", type=address, metavar="ADDRESS", help="in To, Cc or Bcc")
        parser.add_argument("--template-id", type=text, metavar="ID")
        parser.add_argument("--idempotency-key", type=text, metavar="KEY")
        parser.add_argument(
            "--since", type=moment, metavar="WHEN", help="accepted since: 2h, or an RFC 3339 time"
        )
        parser.add_argument(
            "--until", type=moment, metavar="WHEN", help="accepted before, in the same form"
        )
        parser.add_argument(
            "--limit", type=between(1, LONGEST_PAGE), default=50, metavar="N", help="default 50"
        )
        parser.add_argument("--cursor", help="where the page before ended")

    def answer(self, options: Mapping[str, Any]) -> Answer:
        filters = Filters(
            status=options["status"] and DeliveryStatus(options["status"]),
            source=options["source"] and Source(options["source"]),
            failure_code=options["failure_code"],
            recipient=options["recipient"],
            template_id=options["template_id"],
            idempotency_key=options["idempotency_key"],
            created_after=options["since"],
            created_before=options["until"],
        )
        try:
            page = list_deliveries(
                filters=filters, limit=options["limit"], cursor=options["cursor"]
            )
        except InvalidCursorError:
            raise RefusedError("--cursor: no page of this list ended there") from None
        except ReadTooLongError:
            raise RefusedError("too much to look through in two seconds: narrow it down") from None
        return Answer(
            data={"items": page.items, "next_cursor": page.next_cursor},
            text=_text(page.items, page.next_cursor),
        )


def _text(items: list[dict[str, Any]], next_cursor: str | None) -> str:
    if not items:
        return "No deliveries."
    lines = table([_row(item) for item in items], _COLUMNS)
    return f"{lines}\nmore: --cursor {next_cursor}" if next_cursor else lines


def _row(item: dict[str, Any]) -> dict[str, Any]:
    everyone = [*item["to"], *item["cc"], *item["bcc"]]
    more = f" and {len(everyone) - 1} more" if len(everyone) > 1 else ""
    return {
        **item,
        "attempts": item["attempt_count"],
        "failure": item["last_failure_code"],
        "to": f"{everyone[0]}{more}" if everyone else None,
    }
