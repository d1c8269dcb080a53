"""manage.py hold"""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from deliveries.management.arguments import one_line
from deliveries.management.operator_command import Answer, OperatorCommand
from deliveries.states import Source
from deliveries.transitions.holds import hold


class Command(OperatorCommand):
    help = (
        "Hold a source back: nothing of it is handed out until `release`. It is accepted and"
        " waits; what has an expiry still expires; what is handed out already is still sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--source", required=True, choices=[source.value for source in Source])
        parser.add_argument(
            "--reason",
            required=True,
            type=one_line,
            metavar="TEXT",
            help="why, for whoever looks next",
        )

    def answer(self, options: Mapping[str, Any]) -> Answer:
        source = Source(options["source"])
        standing = hold(source=source, reason=options["reason"])
        return Answer(
            data=standing._asdict(),
            text=f"{source} is held; `manage.py release --source {source}` lets it go on",
        )
