"""manage.py consume_commands"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from deliveries.process.consuming import consume_commands


class Command(BaseCommand):
    help = "Turn the commands on the stream into deliveries; runs until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        sys.exit(consume_commands())
