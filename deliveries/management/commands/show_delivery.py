"""manage.py show_delivery"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deliveries.inspection import DatabaseAwayError, DeliveryUnknownError, inspect_delivery
from deliveries.process.startup import EX_UNAVAILABLE


class Command(BaseCommand):
    help = "Show a delivery and its attempts. Exit status 1: unknown; 69: no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("delivery_id")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            found = inspect_delivery(options["delivery_id"])
        except DeliveryUnknownError as error:
            raise CommandError(str(error), returncode=1) from None
        except DatabaseAwayError as error:
            raise CommandError(str(error), returncode=EX_UNAVAILABLE) from None
        self.stdout.write(found.as_json() if options["json"] else str(found))
