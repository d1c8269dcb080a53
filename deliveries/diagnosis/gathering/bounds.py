"""How a gatherer reads PostgreSQL, and what it raises when it could not."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connection

from deliveries.database import Fault, atomic, describe, fault_of, sqlstate_of

_TIMEOUT_MS = 2_000
_QUERY_CANCELED = "57014"


class NotGatheredError(Exception):
    """The facts could not be had. The text says why, and holds no value of a row."""


class TooSlowError(NotGatheredError):
    """A query did not end within its time: the server answers, and is slow."""


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
        if sqlstate_of(error) == _QUERY_CANCELED:
            raise TooSlowError(f"a query took longer than {_TIMEOUT_MS // 1000} s") from None
        refuses = fault_of(error) is not Fault.SERVER
        what = "refuses a query" if refuses else "does not answer"
        raise NotGatheredError(f"PostgreSQL {what} ({describe(error)})") from None
