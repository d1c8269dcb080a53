"""manage.py smtp_check"""

import os
import sys
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from deliveries.conf.problems import UnreadableError
from deliveries.conf.readers import duration
from deliveries.diagnosis.relay.check import NoRelayError, check_relay
from deliveries.management.operator_command import StatusCommand

_HELP = """\
Talk to the configured relay as the attempts process would, up to the login, and show all of it:
greeting, what EHLO offers, TLS and its certificate, AUTH mechanisms, the login. Sends no mail.
"""


class Command(StatusCommand):
    help = _HELP
    statuses = {
        0: "mail would be taken",
        1: "the relay answers, and refuses something",
        os.EX_UNAVAILABLE: "the relay does not answer",
        os.EX_CONFIG: "the configuration is wrong, or there is no relay (stub mode)",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--timeout", type=_seconds, metavar="10s", help="instead of MAIL_SMTP_TIMEOUT"
        )
        parser.add_argument("--no-login", action="store_true", help="stop before AUTH")
        parser.add_argument(
            "--sender", action="store_true", help="also ask whether MAIL_SMTP_FROM_EMAIL may send"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            found = check_relay(
                config=settings.MAIL,
                timeout=options["timeout"],
                with_login=not options["no_login"],
                with_sender=options["sender"],
            )
        except NoRelayError as error:
            raise CommandError(str(error), returncode=os.EX_CONFIG) from None
        self.stdout.write(found.as_json() if options["json"] else str(found))
        sys.exit(found.exit_status)


def _seconds(value: str) -> timedelta:
    try:
        return duration(minimum=timedelta(milliseconds=100), maximum=timedelta(minutes=10))(value)
    except UnreadableError as error:
        raise ArgumentTypeError(f"the duration {error}, such as 10s") from None
