"""manage.py cancel_delivery"""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from deliveries.management.arguments import delivery_id
from deliveries.management.operator_command import Answer, OperatorCommand
from deliveries.printing import printable
from deliveries.states import TERMINAL
from deliveries.transitions.cancellation import cancel, standing


class Command(OperatorCommand):
    help = (
        "End deliveries that wait, as failed with the code `cancelled`. It asks nothing."
        " What is handed out, or has ended, is left alone."
    )
    statuses = {1: "one of them was not cancelled"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("delivery_ids", nargs="+", type=delivery_id, metavar="ID")

    def answer(self, options: Mapping[str, Any]) -> Answer:
        wanted = list(dict.fromkeys(options["delivery_ids"]))
        moved = {row.delivery_id: row for row in cancel(wanted)}
        others = {row.delivery_id: row for row in standing([i for i in wanted if i not in moved])}
        lines = {
            name: _ended(moved[name]) if name in moved else _left(others.get(name))
            for name in wanted
        }
        return Answer(
            data={
                "cancelled": [name for name in wanted if name in moved],
                "left": {
                    name: others[name].status if name in others else None
                    for name in wanted
                    if name not in moved
                },
            },
            text="\n".join(f"{printable(name)}: {line}" for name, line in lines.items()),
            status=0 if len(moved) == len(wanted) else 1,
        )


def _ended(row: Any) -> str:
    if row.status == "sent":
        return (
            f"cancelled for the remaining recipients; {row.recipients_accepted} had already"
            " received it, so it ends as sent"
        )
    return "cancelled"


def _left(row: Any | None) -> str:
    if row is None:
        return "there is no such delivery"
    if row.status in TERMINAL:
        return f"has ended already, as {row.status}"
    return f"is handed out already, as {row.status}"
