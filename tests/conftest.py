"""The servers of the tests. Pure tests start none; a fixture starts what it stands for."""

import os
from collections.abc import Iterator

import pytest
import redis
from django.core.management import call_command, execute_from_command_line
from django.db import connections
from hypothesis import settings as hypothesis_settings

from tests.stack import plugin
from tests.stack.processes import Service
from tests.stack.servers import Servers

# a shared machine may be slow, and no test asserts a time
hypothesis_settings.register_profile("tests", deadline=None)
hypothesis_settings.load_profile("tests")


@pytest.fixture(scope="session")
def servers() -> Servers:
    return plugin.servers


@pytest.fixture(scope="session")
def postgres_admin(servers: Servers) -> str:
    """A superuser's conninfo to the service's database (for locks, terminations, plans)."""
    return servers.start_postgres()


@pytest.fixture(scope="session")
def postgres_dsn(servers: Servers, postgres_admin: str) -> str:
    """The service's own URL; role `mailservice`, an empty schema `mail` until `django_db_setup`."""
    return servers.postgres_dsn


@pytest.fixture(scope="session")
def redis_address(servers: Servers) -> str:
    servers.start_redis()
    return servers.redis_address


@pytest.fixture
def redis_client(servers: Servers) -> Iterator[redis.Redis]:
    """A client that speaks bytes; the keys of this run are gone before and after the test."""
    client = servers.start_redis()
    servers.clear_redis()
    yield client
    servers.clear_redis()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker, postgres_dsn) -> Iterator[None]:
    """The service's own database, made by this run, migrated as the service would."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture
def manage(capsys):
    """Exit status, standard output and standard error of one command, as an operator types it."""

    def run(*arguments):
        status = 0
        try:
            execute_from_command_line(["manage.py", *map(str, arguments)])
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return run


@pytest.fixture
def service(servers: Servers, django_db_setup, redis_client: redis.Redis) -> Iterator[Service]:
    """Starts real processes of the service on the migrated database; all are ended afterwards.

    A test that also looks into the database needs `django_db(transaction=True)`: rows must be
    committed to be seen by both.
    """
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    service = Service(folder=servers.folder, environment={**inherited, **servers.environment})
    yield service
    service.close()
