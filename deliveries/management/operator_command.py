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
from deliveries.intake.publishing import StreamAwayError
from deliveries.printing import rfc3339

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
    """A text of several lines keeps them."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


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


class StatusCommand(BaseCommand):
    """`statuses` says what the command's own exit statuses mean, beside those that all share."""

    requires_system_checks: list[str] = []
    suppressed_base_arguments = set(_FOREIGN)
    statuses: dict[int, str] = {}

    @classmethod
    def all_statuses(cls) -> dict[int, str]:
        shared = {
            0: "done",
            2: "the command line is wrong",
            os.EX_CONFIG: "the configuration is wrong",
        }
        return dict(sorted((shared | cls.statuses).items()))

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        lines = ["exit status:"]
        lines += [f"  {status:<5}{meaning}" for status, meaning in self.all_statuses().items()]
        return super().create_parser(
            prog_name, subcommand, epilog="\n".join(lines), formatter_class=_Help, **kwargs
        )


class OperatorCommand(StatusCommand):
    """A command that asks PostgreSQL or Redis, and gives one answer."""

    @classmethod
    def all_statuses(cls) -> dict[int, str]:
        away = {os.EX_UNAVAILABLE: "PostgreSQL or Redis does not answer"}
        return dict(sorted((away | super().all_statuses()).items()))

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
            raise CommandError(str(error), returncode=os.EX_UNAVAILABLE) from None
        except DatabaseError as error:
            raise CommandError(database_away(error), returncode=os.EX_UNAVAILABLE) from None
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
