"""manage.py run_scheduler"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from deliveries.process.scheduling import run_scheduler


class Command(BaseCommand):
    help = "Hand out due deliveries, end the expired, recover the lost; runs until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        sys.exit(run_scheduler())
