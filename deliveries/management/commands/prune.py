"""manage.py prune"""

import sys
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from deliveries.conf.readers import spell
from deliveries.management.operator_command import Answer, OperatorCommand
from deliveries.management.tables import table
from deliveries.process.pruning import prune
from deliveries.retention.preview import preview


class Command(OperatorCommand):
    help = "Remove what is past its retention period; runs until SIGTERM."
    statuses = {
        0: "ended as asked",
        1: "something was still unfinished at the end of MAIL_SHUTDOWN_TIMEOUT",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--once", action="store_true", help="one round, then end (for cron)")
        how.add_argument(
            "--dry-run", action="store_true", help="count what a round would remove, remove nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["dry_run"]:
            sys.exit(prune(once=options["once"]))
        super().handle(*args, **options)

    def answer(self, _options: Mapping[str, Any]) -> Answer:
        rows = [
            {"table": due.table, "rows": due.rows, "kept": spell(due.kept)}
            for due in preview(settings.MAIL)
        ]
        return Answer(
            data={"would_remove": {row["table"]: row["rows"] for row in rows}},
            text=f"{table(rows, ('table', 'kept', 'rows'))}\nNothing was removed.",
        )
