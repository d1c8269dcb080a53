"""How a gatherer reads PostgreSQL, and what it raises when it could not."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from django.db import DatabaseError, InterfaceError, connection

from deliveries.database import Fault, atomic, describe, fault_of, is_cancelled

_TIMEOUT_MS = 2_000


class NotGatheredError(Exception):
    """The facts could not be had. The text says why, and holds no value of a row.

    `advice` and `runbook` are those of the finding that it makes.
    """

    advice: str
    runbook: str


class PostgresAwayError(NotGatheredError):
    """There is no session with PostgreSQL, or it ended."""

    advice = "Is it up, and does MAIL_POSTGRES_PRIMARY_DSN lead to it?"
    runbook = "PostgreSQL is away"


class QueryRefusedError(NotGatheredError):
    """PostgreSQL answers, and does not take the query."""

    advice = (
        "Either the schema is not that of this release, or the role lacks rights:"
        " see schema.migrations and docs/deploy.md."
    )
    runbook = "Start-up"


class TooSlowError(NotGatheredError):
    """A query did not end within its time: the server answers, and is slow."""

    advice = "PostgreSQL is too slow: is it short of memory or I/O, or locked?"
    runbook = "PostgreSQL is slow"


class RedisAwayError(NotGatheredError):
    """Redis does not answer."""

    advice = "Is it up, and do MAIL_REDIS_MASTER_ADDR and MAIL_REDIS_PASSWORD lead to it?"
    runbook = "Redis is away"


class RedisRefusedError(NotGatheredError):
    """Redis answers, and does not do what it is asked."""

    advice = (
        "WRONGTYPE: something else lies under a key of the stream. Else see MAIL_REDIS_DB, and"
        " what the user of MAIL_REDIS_USERNAME may do."
    )
    runbook = "Commands are not read"


@contextmanager
def asking_redis() -> Iterator[None]:
    """Turns a fault of Redis into what was not gathered."""
    try:
        yield
    except redis.ResponseError as error:
        raise RedisRefusedError(f"Redis refuses what it is asked ({describe(error)})") from None
    except (redis.RedisError, OSError) as error:
        raise RedisAwayError(f"Redis does not answer ({describe(error)})") from None


@contextmanager
def looking() -> Iterator[None]:
    """A read-only transaction in which no statement takes longer than two seconds."""
    try:
        with atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
                cursor.execute(f"SET LOCAL statement_timeout = {_TIMEOUT_MS}")
            yield
    except (DatabaseError, InterfaceError) as error:
        if is_cancelled(error):
            raise TooSlowError(f"a query took longer than {_TIMEOUT_MS // 1000} s") from None
        if fault_of(error) is Fault.SERVER:
            raise PostgresAwayError(f"PostgreSQL does not answer ({describe(error)})") from None
        raise QueryRefusedError(f"PostgreSQL refuses a query ({describe(error)})") from None
