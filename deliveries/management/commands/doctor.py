"""manage.py doctor"""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from deliveries.diagnosis.checks import CHECKS
from deliveries.diagnosis.doctor import UnknownCheckError, examine
from deliveries.diagnosis.finding import Level
from deliveries.management.operator_command import StatusCommand

_HELP = """\
Examine the live system and say of every part whether it is in order, what was seen, and what to do.
It reads and changes nothing; no query of it takes longer than two seconds.

  manage.py doctor                               everything
  manage.py doctor --only relay --only stream    parts, or single checks: --only stream.lag
"""


class Command(StatusCommand):
    help = _HELP
    statuses = {0: "nothing failed; there may be warnings", 1: "something failed"}

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only", action="append", default=[], metavar="ID", help="a check, or a group of them"
        )
        parser.add_argument("--list", action="store_true", help="name the checks, make none")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["list"]:
            self.stdout.write("\n".join(f"{check.id}  {check.title}" for check in CHECKS))
            return
        try:
            found = examine(config=settings.MAIL, only=options["only"])
        except UnknownCheckError as error:
            raise CommandError(str(error), returncode=2) from None
        shown = found.as_json() if options["json"] else "\n".join(found.lines(self._paint))
        self.stdout.write(shown)
        sys.exit(found.exit_status)

    def _paint(self, level: Level, text: str) -> str:
        """In colour on a terminal."""
        style = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.FAILED: self.style.ERROR,
        }
        return style[level](text)
