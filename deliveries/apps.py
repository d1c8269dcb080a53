"""The one Django application."""

from django.apps import AppConfig
from django.core import checks

from deliveries.checks import CHECKS


class DeliveriesConfig(AppConfig):
    name = "deliveries"
    verbose_name = "Mail Service"

    def ready(self) -> None:
        for check in CHECKS:
            checks.register(check, "mail")
