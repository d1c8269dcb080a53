"""The shape of the operators' commands: one answer, as text or as JSON, and an exit status.

A command says what it does in `answer`; what can go wrong in the same way everywhere is turned into
one line on standard error here. An operator never has to read a traceback.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import DatabaseError

from deliveries.database import describe
from deliveries.inspection import rfc3339
from deliveries.intake.publishing import StreamAwayError
from deliveries.process.startup import EX_UNAVAILABLE

INTERRUPTED = 130
# of every command of Django's; none of them helps an operator
_FOREIGN = frozenset(
    {
        "--force-color",
        "--no-color",
        "--pythonpath",
        "--settings",
        "--skip-checks",
        "--traceback",
        "--verbosity",
        "--version",
    }
)


class _Help(DjangoHelpFormatter):
    """Keeps the lines of the exit statuses as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("exit status:"):
            return text
        return super()._fill_text(text, width, indent)


class RefusedError(Exception):
    """The command does not do it. The message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found or did: `data` for scripts, `text` for people.

    `status` is 1 where a part of what was asked for could not be done.
    """

    data: Any
    text: str
    status: int = 0


class OperatorCommand(BaseCommand):
    """`statuses` says what the command's own exit statuses mean, beside those that all share."""

    requires_system_checks: list[str] = []
    suppressed_base_arguments = set(_FOREIGN)
    statuses: dict[int, str] = {}

    @classmethod
    def all_statuses(cls) -> dict[int, str]:
        shared = {
            0: "done",
            2: "the command line is wrong",
            EX_UNAVAILABLE: "PostgreSQL or Redis does not answer",
            78: "the configuration is wrong",
        }
        return dict(sorted((shared | cls.statuses).items()))

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        lines = ["exit status:"]
        lines += [f"  {status:<5}{meaning}" for status, meaning in self.all_statuses().items()]
        return super().create_parser(
            prog_name, subcommand, epilog="\n".join(lines), formatter_class=_Help, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def answer(self, options: Mapping[str, Any]) -> Answer:
        """Do it. May raise RefusedError, StreamAwayError and DatabaseError."""
        raise NotImplementedError

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            found = self.answer(options)
        except RefusedError as error:
            raise CommandError(str(error), returncode=1) from None
        except StreamAwayError as error:
            raise CommandError(str(error), returncode=EX_UNAVAILABLE) from None
        except DatabaseError as error:
            raise CommandError(database_away(error), returncode=EX_UNAVAILABLE) from None
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        self._show(found, as_json=options["json"])
        if found.status:
            sys.exit(found.status)

    def _show(self, found: Answer, *, as_json: bool) -> None:
        try:
            self.stdout.write(json.dumps(found.data, default=_plain) if as_json else found.text)
            self.stdout.flush()
        except BrokenPipeError:
            # the reader has seen enough; nothing more is to be written, not at the exit either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def database_away(error: DatabaseError) -> str:
    return f"PostgreSQL does not answer ({describe(error)}): see MAIL_POSTGRES_PRIMARY_DSN"


def _plain(value: Any) -> Any:
    return rfc3339(value)
