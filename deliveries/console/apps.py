"""The admin as a Django application."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "deliveries.console"
    label = "console"
    verbose_name = "Mail Service admin"
    default_auto_field = "django.db.models.BigAutoField"
