"""Django system checks of what needs no network. `docs/configuration.md` explains each id.

Errors are what would stop a start; warnings are valid values that somebody may not have intended.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from deliveries.catalog.catalog import load_catalog
from deliveries.catalog.problem import CatalogError
from deliveries.conf import SmtpMode, TlsMode, unknown_variables

_SHORT_FINAL_REPLY = timedelta(seconds=30)

Check = Callable[..., Iterable[CheckMessage]]


def check_catalog(**_: object) -> Iterator[CheckMessage]:
    config = settings.MAIL
    try:
        load_catalog(directory=config.template_dir, default_locale=config.default_locale)
    except CatalogError as error:
        for problem in error.problems:
            yield checks.Error(str(problem), id="mail.E001")


def check_relay_link(**_: object) -> Iterator[CheckMessage]:
    config = settings.MAIL
    if config.smtp_mode is SmtpMode.SMTP and config.smtp_tls is TlsMode.NONE:
        yield checks.Warning(
            "Mail goes to the relay in the clear.",
            hint="Set MAIL_SMTP_TLS=starttls, or tls, unless the relay is on this host.",
            id="mail.W001",
        )


def check_mode(**_: object) -> Iterator[CheckMessage]:
    if settings.MAIL.smtp_mode is SmtpMode.STUB:
        yield checks.Warning(
            "Nothing is sent: the stub takes every mail.",
            hint="Set MAIL_SMTP_MODE=smtp where mail is to arrive.",
            id="mail.W002",
        )


def check_unknown_variables(**_: object) -> Iterator[CheckMessage]:
    for name, nearest in unknown_variables(os.environ).items():
        yield checks.Warning(
            f"{name} is set, and nothing reads it.",
            hint=f"Is {nearest} meant?" if nearest else "Remove it.",
            id="mail.W003",
        )


def check_callers(**_: object) -> Iterator[CheckMessage]:
    config = settings.MAIL
    reachable = not config.internal_http_addr.is_loopback
    if reachable and not config.internal_api_tokens:
        yield checks.Warning(
            "Whoever reaches the internal API may send login codes and operate deliveries.",
            hint="Set MAIL_INTERNAL_API_TOKENS, unless the network lets only its callers in.",
            id="mail.W004",
        )


def check_final_reply(**_: object) -> Iterator[CheckMessage]:
    config = settings.MAIL
    if config.smtp_mode is SmtpMode.SMTP and (config.smtp_final_reply_timeout < _SHORT_FINAL_REPLY):
        yield checks.Warning(
            "A relay that is slow to accept gets mail twice: the wait for its last reply is short.",
            hint="Set MAIL_SMTP_FINAL_REPLY_TIMEOUT to 2m or more; RFC 5321 says 10 minutes.",
            id="mail.W005",
        )


def check_allowed_hosts(**_: object) -> Iterator[CheckMessage]:
    config = settings.MAIL
    address = config.internal_http_addr
    if address.is_wildcard and set(config.allowed_hosts) <= set(address.own_names):
        yield checks.Warning(
            "The internal API listens everywhere and answers under loopback names only.",
            hint="Set MAIL_ALLOWED_HOSTS to the names by which its callers know it.",
            id="mail.W006",
        )


WARNINGS: tuple[Check, ...] = (
    check_relay_link,
    check_mode,
    check_unknown_variables,
    check_callers,
    check_final_reply,
    check_allowed_hosts,
)
CHECKS: tuple[Check, ...] = (check_catalog, *WARNINGS)


def warnings() -> Iterator[CheckMessage]:
    """What every start says, and `manage.py check` at any time."""
    for check in WARNINGS:
        yield from check()
