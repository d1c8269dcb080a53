"""No value that was found is ever shown, wherever it stands and whatever else is wrong."""

import dataclasses
import logging
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.conf import Config, ConfigurationError, load
from deliveries.conf.variables import VARIABLES
from tests.conf.environment import KEY, VALID

SENTINEL = "hunter2SENTINELhunter2SENTINELhunter2"
SHAPES = (
    "{s}",
    "{s}\n",
    "${s}",
    "$MAIL_SMTP_PASSWORD",
    "short,{s}",
    "{s},{s}",
    "{s}:70000",
    "[{s}]:25",
    "user:{s}@host:25",
    "a:submit={s},a:submit={s}",
    "a:{s}=x",
    "a:submit={s}\udcff",
    "postgresql://u:{s}@h:bad/db",
    "postgresql://u:{s}@h/db?nonsense={s}",
    "postgresql://u:{s}@h/db?sslmode={s}",
    "postgresql://u:{s}@h/db?connect_timeout={s}",
    "postgresql://u:%zz{s}@h/db",
    "postgresql://u:{s}@h/",
    "host=h password={s}",
    "{s}s",
    "/nowhere/{s}",
    "{s}@{s}@x",
)
SECRETS = {
    "secret_keys",
    "redis_password",
    "postgres_primary",
    "postgres_migration",
    "smtp_password",
}


def spoiled() -> st.SearchStrategy[dict[str, str]]:
    shape = st.sampled_from(SHAPES).map(lambda text: text.format(s=SENTINEL))
    return st.dictionaries(st.sampled_from([variable.name for variable in VARIABLES]), shape)


@given(spoiled())
def test_no_problem_shows_a_value(changes):
    with pytest.raises(ConfigurationError) as caught:
        load({**VALID, **changes, "MAIL_LOG_FORMAT": "wrong"})
    error = caught.value
    shown = [str(error), repr(error), *map(repr, error.problems)]
    shown += traceback.format_exception_only(error)
    assert not any(SENTINEL in text for text in shown)
    # nothing behind it that a log might follow
    assert error.__cause__ is None
    assert error.__context__ is None


def test_reading_leaves_no_value_in_the_log(caplog):
    caplog.set_level(logging.DEBUG)
    load({**VALID, "MAIL_REDIS_PASSWORD": SENTINEL, "MAIL_REDIS_USERNAME": SENTINEL})
    assert "MAIL_REDIS_PASSWORD" in caplog.text
    assert SENTINEL not in caplog.text


def test_the_configuration_shows_no_secret():
    config = load(
        {
            **VALID,
            "MAIL_SECRET_KEY": f"{SENTINEL},{KEY}",
            "MAIL_REDIS_PASSWORD": SENTINEL,
            "MAIL_POSTGRES_PRIMARY_DSN": f"postgresql://u:{SENTINEL}@h/db",
            "MAIL_POSTGRES_MIGRATION_DSN": f"postgresql://u:{SENTINEL}@h/db",
            "MAIL_SMTP_USERNAME": "user",
            "MAIL_SMTP_PASSWORD": SENTINEL,
            "MAIL_INTERNAL_API_TOKENS": f"auth:submit={SENTINEL}",
        }
    )
    assert config.smtp_password == SENTINEL
    assert SENTINEL not in repr(config)
    assert {field.name for field in dataclasses.fields(Config) if not field.repr} == SECRETS
