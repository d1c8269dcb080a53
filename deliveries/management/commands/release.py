"""manage.py release"""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from deliveries.management.operator_command import Answer, OperatorCommand, RefusedError
from deliveries.management.tables import cell
from deliveries.states import Source
from deliveries.transitions.holds import holds, release


class Command(OperatorCommand):
    help = "Let a source that was held go on; what waits is handed out at once."
    statuses = {1: "the source was not held"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--source", required=True, choices=[source.value for source in Source])

    def answer(self, options: Mapping[str, Any]) -> Answer:
        source = Source(options["source"])
        released = release(source=source)
        if released is None:
            held = ", ".join(row.source for row in holds()) or "nothing is"
            raise RefusedError(f"{source} is not held (held: {held})")
        return Answer(
            data={
                "source": released.source,
                "reason": released.reason,
                "created_at": released.created_at,
            },
            text=f"{source} goes on; it was held since {cell(released.created_at)}:"
            f" {cell(released.reason)}",
        )
