"""The admin as it runs: a web process with the admin enabled, on the database of the tests."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from django.db import connection

from mailproject.embedded.ports import ReservedPort
from tests.console.client import ADMIN, PASSWORD, Client
from tests.console.scenery import set_scene
from tests.stack.processes import Service
from tests.stack.servers import Servers

_OWN_TABLES = "console_login_tries, console_outcome_slices, console_outcome_counts"


@dataclass(frozen=True)
class Running:
    """`client()` is a new browser; `admin()` one in which a superuser is logged in.

    Looking at a password takes long, as it should: `admin()` is the same session each time, unless
    a test that spoils it asks for a fresh one.
    """

    port: int
    service: Service
    _cookies: dict[str, str] = field(default_factory=dict)

    def client(self) -> Client:
        return Client(self.port)

    def admin(self, *, fresh: bool = False) -> Client:
        client = self.client()
        client.cookies.update({} if fresh else self._cookies)
        if not client.cookies:
            assert client.log_in(ADMIN, PASSWORD).status == 302
            self._cookies.update({} if fresh else client.cookies)
        return client


@pytest.fixture(scope="package")
def admin_service(servers: Servers, django_db_setup):
    """The admin's tables and a superuser, made as an operator makes them; unmade afterwards."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    environment = {
        **inherited,
        **servers.environment,
        "MAIL_ADMIN_ENABLED": "true",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    service = Service(folder=servers.folder, environment=environment)
    try:
        _run(service, "migrate", "-v", "0")
        make_user = (
            "createsuperuser",
            "--noinput",
            "--username",
            ADMIN,
            "--email",
            "a@example.org",
        )
        _run(service, *make_user)
        yield service
        _run(service, "migrate", "-v", "0", "console", "zero")  # its indexes are on others' tables
    finally:
        service.close()


@pytest.fixture(scope="module")
def running(admin_service: Service, servers: Servers) -> Iterator[Running]:
    """Ended with the module: others count the processes."""
    servers.start_redis()
    port = ReservedPort().release()
    address = {"MAIL_INTERNAL_HTTP_ADDR": f"127.0.0.1:{port}", "MAIL_INTERNAL_HTTP_WORKERS": "1"}
    process = admin_service.start("serve", overrides=address)
    process.wait_until_started()
    yield Running(port, admin_service)
    process.stop()


@pytest.fixture
def empty(transactional_db, admin_service, postgres_admin):
    """Nothing in the service's tables, nor in the admin's but its users."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {_OWN_TABLES}")


@pytest.fixture
def scene(empty):
    """The deliveries that have a name, processes, malformed commands."""
    set_scene()


@pytest.fixture
def day(empty):
    """The same, after a day of traffic."""
    set_scene(traffic=True)


@pytest.fixture
def sql(postgres_admin):
    """Run one statement as the superuser and return its rows."""
    with psycopg.connect(postgres_admin, autocommit=True, options="-csearch_path=mail") as link:
        yield lambda statement, *values: _rows(link.execute(statement, values or None))


def _rows(cursor: psycopg.Cursor):
    return cursor.fetchall() if cursor.description else []


def _run(service: Service, *command: str) -> None:
    process = service.start(*command)
    assert process.wait(seconds=60) == 0, process.output
