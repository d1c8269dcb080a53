"""manage.py publish_command"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from deliveries.intake.publishing import PublishingError, StreamAwayError, publish
from deliveries.json_files import JsonFileError
from deliveries.management.operator_command import Answer, OperatorCommand, RefusedError
from deliveries.states import PayloadMode

_TEXTS = ("delivery-id", "idempotency-key", "request-id", "subject", "text", "html")
_TEMPLATE = ("template-id", "locale", "send-at", "expires-at")


class Command(OperatorCommand):
    help = "Put a command on the stream, from flags or from a file, as a producer would."
    statuses = {1: "it would be rejected, or a file cannot be read"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--file", metavar="F", help="JSON: the entry's fields; - for stdin")
        parser.add_argument("--payload-mode", choices=[mode.value for mode in PayloadMode])
        for group in ("to", "cc", "bcc", "reply-to"):
            parser.add_argument(f"--{group}", action="append", metavar="ADDRESS")
        for name in (*_TEXTS, *_TEMPLATE):
            parser.add_argument(f"--{name}")
        parser.add_argument("--variables", metavar="F", help="JSON file; - for stdin")
        parser.add_argument("--unchecked", action="store_true", help="publish it, right or wrong")

    def answer(self, options: Mapping[str, Any]) -> Answer:
        try:
            published = publish(config=settings.MAIL, options=options)
        except StreamAwayError:
            raise
        except (PublishingError, JsonFileError) as error:
            raise RefusedError(str(error)) from None
        name = json.dumps(published.delivery_id)
        return Answer(data=asdict(published), text=f"entry {published.entry_id}, delivery {name}")
