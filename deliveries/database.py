"""Sessions with PostgreSQL for the worker loops: named statements, binary parameters, SQLSTATEs.

Django owns the connection, one per thread; a `Statement` runs on it through a psycopg cursor of its
own, because binary parameters (`%(name)b`) make a set-wise statement several times cheaper and
Django's cursor binds on the client. Database errors carry values, which may be personal: log what
`describe` says of one, never the error itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, LiteralString, NamedTuple

import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, transaction
from psycopg.rows import namedtuple_row

from deliveries.reasons import reason_in, reply_code_in

TransientErrors = (OperationalError, InterfaceError, psycopg.OperationalError)


class Fault(StrEnum):
    """What a database error means for its caller."""

    ENTRY = "entry"  # this row's own values are refused: data (22) and integrity (23)
    SERVER = "server"  # the server, the link or the moment: try again later
    STATEMENT = "statement"  # the statement itself is wrong: a defect, or a schema that is not ours


# Classes of SQLSTATE that say nothing of the row: connection (08), transaction state and read-only
# (25), rollback (40), resources (53), prerequisites and locks (55), intervention (57), I/O (58).
_SERVER_CLASSES = frozenset({"08", "25", "40", "53", "55", "57", "58", "XX"})
_ENTRY_CLASSES = frozenset({"22", "23"})
# admin_shutdown, crash_shutdown, cannot_connect_now, idle_in_transaction_session_timeout
_SESSION_ENDED = frozenset({"57P01", "57P02", "57P03", "25P03"})
_QUERY_CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with a name, which shows in `pg_stat_activity`, and a purpose."""

    name: str
    purpose: str
    sql: LiteralString

    def fetch(self, **parameters: Any) -> list[Any]:
        """Run it in the current transaction, or alone, and return its rows as named tuples."""
        connection.ensure_connection()
        # Through Django's wrapper a broken connection is noticed, and replaced at the next turn.
        with connection.wrap_database_errors:
            cursor: psycopg.Cursor[NamedTuple] = psycopg.Cursor(
                connection.connection, row_factory=namedtuple_row
            )
            with cursor:
                cursor.execute(self.tagged, parameters or None, binary=True)
                # `description` would make an object for each column only to be asked if it is there
                result = cursor.pgresult
                return cursor.fetchall() if result is not None and result.nfields else []

    @property
    def tagged(self) -> LiteralString:
        return f"/* {self.name} */ {self.sql}"


@contextmanager
def atomic() -> Iterator[None]:
    """One transaction, or a savepoint inside the one that is open."""
    with transaction.atomic(using=DEFAULT_DB_ALIAS):
        yield


def sqlstate_of(error: BaseException) -> str | None:
    """The SQLSTATE of a database error, whether psycopg's or Django's around it."""
    for candidate in (error, error.__cause__):
        if isinstance(candidate, psycopg.Error):
            return candidate.sqlstate
    return None


def is_cancelled(error: BaseException) -> bool:
    """Whether PostgreSQL ended the statement for its `statement_timeout`."""
    return sqlstate_of(error) == _QUERY_CANCELED


def fault_of(error: BaseException) -> Fault:
    """Classify a database error by its SQLSTATE; without one the link was lost."""
    sqlstate = sqlstate_of(error)
    if sqlstate is None:
        return Fault.SERVER if isinstance(error, TransientErrors) else Fault.STATEMENT
    if sqlstate[:2] in _ENTRY_CLASSES:
        return Fault.ENTRY
    return Fault.SERVER if sqlstate[:2] in _SERVER_CLASSES else Fault.STATEMENT


def is_link_lost(error: BaseException) -> bool:
    """Whether the session is gone, and another one may work: the server or the network ended it."""
    sqlstate = sqlstate_of(error)
    if sqlstate is None:
        return isinstance(error, TransientErrors)
    return sqlstate[:2] == "08" or sqlstate in _SESSION_ENDED


def describe(error: BaseException) -> str:
    """What may be logged of an error: its class, and what kind of it.

    That is the SQLSTATE of a database error; of a server that cannot be talked to, why, if known;
    of what Redis refuses, its word for it.
    """
    name, sqlstate = type(error).__name__, sqlstate_of(error)
    if sqlstate:
        return f"{name} {sqlstate}"
    reason = _reason_of(error)
    return f"{name}: {reason}" if reason else name


def _reason_of(error: BaseException) -> str:
    if type(error).__module__.startswith("redis."):
        return reason_in(str(error)) or reply_code_in(str(error))
    return reason_in(str(error)) if isinstance(error, (*TransientErrors, OSError)) else ""
