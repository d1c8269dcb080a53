"""The start-up of every process: each step in its order, each failure one line and a status.

The configuration is valid before this starts: `manage.py` ends with 78 where it is not.
"""

import logging
import os

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django_redis import get_redis_connection

from deliveries.catalog.catalog import Catalog, CatalogError, load_catalog
from deliveries.checks import warnings
from deliveries.conf import Config
from deliveries.database import describe
from deliveries.intake.connecting import redis_fault
from deliveries.process.migration import MigrationsPendingError, SchemaMissingError, migrate

logger = logging.getLogger(__name__)


class StartupError(Exception):
    """Start-up failed: lines for the operator, and the exit status."""

    def __init__(self, *lines: str, status: int) -> None:
        super().__init__(*lines)
        self.lines = lines
        self.status = status


def start_up(config: Config) -> Catalog:
    """Ping Redis, open PostgreSQL, migrate, parse the catalog.

    Raises StartupError; StoppedError when the process is asked to end while it waits.
    """
    for warning in warnings():
        logger.warning(
            "configuration warning",
            extra={"check": warning.id, "says": warning.msg, "advice": warning.hint},
        )
    _ping_redis(config)
    _open_postgres(config)
    _migrate(config)
    return _load_catalog(config)


def _ping_redis(config: Config) -> None:
    try:
        get_redis_connection("default").ping()
    except (redis.RedisError, OSError) as error:
        raise StartupError(redis_fault(config, error), status=os.EX_UNAVAILABLE) from None


def _open_postgres(config: Config) -> None:
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        where = config.postgres_primary.get("host", "the local socket")
        raise StartupError(
            f"PostgreSQL at {where} does not answer ({describe(error)}):"
            " see MAIL_POSTGRES_PRIMARY_DSN",
            status=os.EX_UNAVAILABLE,
        ) from None


def _migrate(config: Config) -> None:
    try:
        applied = migrate(owner_is_given=config.postgres_migration is not None)
    except SchemaMissingError:
        raise StartupError(
            'PostgreSQL has no schema "mail" that this role may use: an owner creates it with'
            " CREATE SCHEMA mail AUTHORIZATION mailservice",
            status=os.EX_UNAVAILABLE,
        ) from None
    except MigrationsPendingError:
        raise StartupError(
            "migrations are pending and this role may not apply them: give the owner's DSN in"
            " MAIL_POSTGRES_MIGRATION_DSN",
            status=os.EX_UNAVAILABLE,
        ) from None
    except DatabaseError as error:
        raise StartupError(
            f"the migrations failed ({describe(error)})", status=os.EX_UNAVAILABLE
        ) from None
    if applied:
        logger.info("migrations applied", extra={"count": applied})


def _load_catalog(config: Config) -> Catalog:
    try:
        return load_catalog(directory=config.template_dir, default_locale=config.default_locale)
    except CatalogError as error:
        lines = [f"template catalog: {problem}" for problem in error.problems]
        raise StartupError(*lines, status=os.EX_CONFIG) from None


def configuration() -> Config:
    config: Config = settings.MAIL
    return config
