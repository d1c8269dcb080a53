"""Migrations at start-up: applied under a lock, so that processes starting together do not race."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connections
from django.db.backends.utils import CursorWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import ConnectionHandler

from deliveries.process.stopping import StoppedError, arrives

logger = logging.getLogger(__name__)

# Any number will do, so long as it is always the same.
_LOCK = 0x6D61696C
_LOCK_POLL_SECONDS = 0.1


class SchemaMissingError(Exception):
    """The schema `mail` does not exist, or the role may not use it."""


class MigrationsPendingError(Exception):
    """Migrations are pending and the role may not apply them."""


def migrate(*, owner_is_given: bool) -> int:
    """Apply what is pending; return how many migrations that were.

    `owner_is_given` says that the alias `migration` holds the owner's connection; without it the
    service's own role applies them, or must find nothing to apply. Raises StoppedError when the
    process is asked to end while it waits for another one's migrations.
    """
    alias = "migration" if owner_is_given else "default"
    try:
        with _locked(alias):
            pending = _pending(alias)
            if pending:
                _apply(alias, may_be_refused=not owner_is_given)
            return pending
    finally:
        if owner_is_given:
            connections[alias].close()


def _pending(alias: str) -> int:
    executor = MigrationExecutor(connections[alias])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _apply(alias: str, *, may_be_refused: bool) -> None:
    connection = connections[alias]
    with connection.cursor() as cursor:
        # a migration may take longer than a claim, and longer between two statements
        cursor.execute(
            "SET statement_timeout = 0; SET lock_timeout = 0;"
            " SET idle_in_transaction_session_timeout = 0"
        )
        cursor.execute("SELECT has_schema_privilege(current_schema(), 'CREATE')")
        (may_create,) = cursor.fetchone() or (False,)
    if not may_create and may_be_refused:
        raise MigrationsPendingError
    call_command("migrate", database=alias, interactive=False, verbosity=0)
    connection.close()  # and with it the session's settings


def _takes(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
    row = cursor.fetchone()
    return row is not None and bool(row[0])


@contextmanager
def _locked(alias: str) -> Iterator[None]:
    """Hold the advisory lock on a connection of its own, for as long as the migrations take."""
    handler = ConnectionHandler({"default": connections[alias].settings_dict})
    guard = handler["default"]
    try:
        with guard.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            if cursor.fetchone() != ("mail",):
                raise SchemaMissingError
            # Asked for again and again: a statement that waits for it would hold a snapshot, and an
            # index that is built concurrently waits for the end of every snapshot.
            told = False
            while not _takes(cursor):
                if not told:
                    logger.info("waiting for the migrations of another process")
                    told = True
                if arrives(_LOCK_POLL_SECONDS):
                    raise StoppedError
        yield
    finally:
        guard.close()
