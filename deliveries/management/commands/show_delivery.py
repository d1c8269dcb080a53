"""manage.py show_delivery"""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from deliveries.inspection import DeliveryUnknownError, inspect_delivery
from deliveries.management.operator_command import Answer, OperatorCommand, RefusedError


class Command(OperatorCommand):
    help = "Show a delivery with its attempts and its entry as a dead letter; never its content."
    statuses = {1: "there is no such delivery"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("delivery_id", metavar="ID")

    def answer(self, options: Mapping[str, Any]) -> Answer:
        try:
            found = inspect_delivery(options["delivery_id"])
        except DeliveryUnknownError as error:
            raise RefusedError(str(error)) from None
        return Answer(data=found.as_json(), text=str(found))
