"""manage.py publish_command"""

import json
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from deliveries.intake.publishing import PublishingError, StreamAwayError, publish
from deliveries.process.startup import EX_UNAVAILABLE
from deliveries.states import PayloadMode

_TEXTS = ("delivery-id", "idempotency-key", "request-id", "subject", "text", "html")
_TEMPLATE = ("template-id", "locale", "send-at", "expires-at")


class Command(BaseCommand):
    help = "Put a command on the stream. Exit status 1: it would be rejected; 69: no Redis."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", metavar="F", help="JSON: the entry's fields; - for stdin")
        parser.add_argument("--payload-mode", choices=[mode.value for mode in PayloadMode])
        for group in ("to", "cc", "bcc", "reply-to"):
            parser.add_argument(f"--{group}", action="append", metavar="ADDRESS")
        for name in (*_TEXTS, *_TEMPLATE):
            parser.add_argument(f"--{name}")
        parser.add_argument("--variables", metavar="F", help="JSON file; - for stdin")
        parser.add_argument("--unchecked", action="store_true", help="publish it, right or wrong")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            published = publish(config=settings.MAIL, options=options)
        except StreamAwayError as error:
            raise CommandError(str(error), returncode=EX_UNAVAILABLE) from None
        except PublishingError as error:
            raise CommandError(str(error), returncode=1) from None
        said = f"entry {published.entry_id}, delivery {json.dumps(published.delivery_id)}"
        self.stdout.write(json.dumps(asdict(published)) if options["json"] else said)
