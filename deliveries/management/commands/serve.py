"""manage.py serve"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from deliveries.process.serving import serve


class Command(BaseCommand):
    help = "Serve the internal HTTP API; runs until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        sys.exit(serve())
