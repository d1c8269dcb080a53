"""An environment that is right, to be spoiled by tests."""

from collections.abc import Mapping

from deliveries.conf import Config, ConfigurationError, Problem, load

KEY = "0123456789abcdef" * 4
VALID = {
    "MAIL_SECRET_KEY": KEY,
    "MAIL_REDIS_MASTER_ADDR": "redis.internal:6379",
    "MAIL_POSTGRES_PRIMARY_DSN": "postgresql://mailservice:pw@db.internal:5432/mail",
    "MAIL_SMTP_MODE": "smtp",
    "MAIL_SMTP_ADDR": "smtp.example.com:587",
    "MAIL_SMTP_FROM_EMAIL": "no-reply@example.com",
}


def load_with(changes: Mapping[str, str | None]) -> Config:
    """The configuration with these changes; None unsets."""
    merged = {**VALID, **changes}
    return load({name: value for name, value in merged.items() if value is not None})


def problems_with(changes: Mapping[str, str | None]) -> tuple[Problem, ...]:
    try:
        load_with(changes)
    except ConfigurationError as error:
        return error.problems
    return ()


def lines_with(changes: Mapping[str, str | None]) -> list[str]:
    return [str(problem) for problem in problems_with(changes)]
