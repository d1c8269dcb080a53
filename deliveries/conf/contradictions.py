"""Values that are right alone and wrong together.

Each check takes the fields that it looks at, under their names in `Config`, and says which one to
fix; it is not asked when one of them could not be read. Its example is right beside the other
values: of those it may hold a duration, which is no secret, and nothing else.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from deliveries.conf.options import Address, ApiToken, SmtpMode, TlsMode
from deliveries.conf.problems import Problem
from deliveries.conf.readers import spell
from deliveries.conf.variables import BY_FIELD

Check = Callable[..., Problem | None]


def find_contradictions(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Look at `values`, the fields that could be read."""
    for check in CHECKS:
        fields = inspect.signature(check).parameters
        if all(field in values for field in fields):
            problem = check(**{field: values[field] for field in fields})
            if problem is not None:
                yield problem


def relay_is_named(*, smtp_mode: SmtpMode, smtp_addr: Address | None) -> Problem | None:
    if smtp_mode is SmtpMode.SMTP and smtp_addr is None:
        return _wrong("smtp_addr", "is not set, and MAIL_SMTP_MODE=smtp needs it")
    return None


def sender_is_named(*, smtp_mode: SmtpMode, smtp_from_email: str | None) -> Problem | None:
    if smtp_mode is SmtpMode.SMTP and smtp_from_email is None:
        return _wrong("smtp_from_email", "is not set, and MAIL_SMTP_MODE=smtp needs it")
    return None


def username_has_password(*, smtp_username: str, smtp_password: str) -> Problem | None:
    if smtp_username and not smtp_password:
        return _wrong("smtp_password", "is not set, but MAIL_SMTP_USERNAME is: set both or neither")
    return None


def password_has_username(*, smtp_username: str, smtp_password: str) -> Problem | None:
    if smtp_password and not smtp_username:
        return _wrong("smtp_username", "is not set, but MAIL_SMTP_PASSWORD is: set both or neither")
    return None


def credentials_are_protected(
    *, smtp_tls: TlsMode, smtp_addr: Address | None, smtp_username: str, smtp_password: str
) -> Problem | None:
    if smtp_tls is not TlsMode.NONE or smtp_addr is None or smtp_addr.is_loopback:
        return None
    if smtp_username or smtp_password:
        return _wrong(
            "smtp_tls",
            "is none, which would send MAIL_SMTP_PASSWORD in the clear to another host",
            example="starttls",
        )
    return None


def callers_are_known(
    *,
    internal_http_addr: Address,
    internal_api_tokens: tuple[ApiToken, ...],
    internal_http_trusted: bool,
) -> Problem | None:
    if internal_http_addr.is_loopback or internal_api_tokens or internal_http_trusted:
        return None
    return _wrong(
        "internal_api_tokens",
        "is not set, but MAIL_INTERNAL_HTTP_ADDR can be reached from other hosts:"
        " set tokens, or MAIL_INTERNAL_HTTP_TRUSTED=true if the network is trusted",
    )


def keys_end_before_deliveries(
    *, idempotency_ttl: timedelta, delivery_retention: timedelta
) -> Problem | None:
    if idempotency_ttl > delivery_retention:
        return _wrong(
            "idempotency_ttl",
            "is longer than MAIL_DELIVERY_RETENTION",
            example=spell(delivery_retention),
        )
    return None


def payloads_end_before_deliveries(
    *, payload_retention: timedelta, delivery_retention: timedelta
) -> Problem | None:
    if payload_retention > delivery_retention:
        return _wrong(
            "payload_retention",
            "is longer than MAIL_DELIVERY_RETENTION",
            example=spell(delivery_retention),
        )
    return None


def lease_outlasts_polls(
    *, worker_lease: timedelta, scheduler_poll_interval: timedelta
) -> Problem | None:
    # a lease is renewed at a third of it, and recovery promises a few seconds after its end
    if scheduler_poll_interval > worker_lease / 3:
        return _wrong(
            "scheduler_poll_interval", "is longer than a third of MAIL_WORKER_LEASE, its renewal"
        )
    return None


def offset_is_not_the_stream(*, redis_command_stream: str, redis_offset_key: str) -> Problem | None:
    if redis_command_stream == redis_offset_key:
        usual = BY_FIELD["redis_offset_key"].example
        return _wrong(
            "redis_offset_key",
            "is the same key as MAIL_REDIS_COMMAND_STREAM",
            example="mail:stream_offset" if redis_command_stream == usual else usual,
        )
    return None


CHECKS: tuple[Check, ...] = (
    relay_is_named,
    sender_is_named,
    username_has_password,
    password_has_username,
    credentials_are_protected,
    callers_are_known,
    keys_end_before_deliveries,
    payloads_end_before_deliveries,
    lease_outlasts_polls,
    offset_is_not_the_stream,
)


def _wrong(field: str, wrong: str, *, example: str | None = None) -> Problem:
    variable = BY_FIELD[field]
    return Problem(variable=variable.name, wrong=wrong, example=example or variable.example)
