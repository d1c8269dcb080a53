"""manage.py run_attempts"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from deliveries.process.attempting import run_attempts


class Command(BaseCommand):
    help = "Send what is handed out over SMTP and record the outcomes; runs until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        sys.exit(run_attempts())
