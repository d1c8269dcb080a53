"""A database and a Redis made by the files of docs/deploy, for processes with no more rights."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import redis
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from redis.backoff import NoBackoff
from redis.retry import Retry

from deliveries.producer import CommandPublisher
from mailproject.embedded.account import server_account
from mailproject.embedded.binaries import find_binaries
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from tests.stack.processes import Service
from tests.stack.servers import CHECKOUT

DEPLOY = CHECKOUT / "docs" / "deploy"
ROLES = ("mailowner", "mailservice", "mailreport")


@dataclass(frozen=True)
class Database:
    """One made by roles.sql; the names of its roles are of this run alone."""

    admin: str
    name: str
    token: str

    def apply_roles(self) -> None:
        text = (DEPLOY / "roles.sql").read_text()
        for role in ROLES:
            text = text.replace(role, self.role(role))
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(text)

    def role(self, name: str) -> str:
        return f"{name}_{self.token}"

    def dsn(self, name: str) -> str:
        where = conninfo_to_dict(self.admin)
        host, port = where.get("host", ""), where.get("port", "")
        login = f"{self.role(name)}:{self.token}"
        if host.startswith("/"):
            return f"postgresql://{login}@/{self.name}?host={quote(host, safe='')}&port={port}"
        return f"postgresql://{login}@{host}:{port}/{self.name}"

    def connect(self, name: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.dsn(name), autocommit=True)


@contextmanager
def made_by_roles(postgres_admin: str) -> Iterator[Database]:
    token = secrets.token_hex(6)
    name = f"mail_deploy_{token}"
    made = Database(make_conninfo(postgres_admin, dbname=name), name, token)
    with psycopg.connect(postgres_admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        )
        try:
            made.apply_roles()
            for role in ROLES:
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                        sql.Identifier(made.role(role)), sql.Literal(token)
                    )
                )
            yield made
        finally:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )
            for role in ROLES:
                connection.execute(
                    sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(made.role(role)))
                )


@pytest.fixture(scope="module")
def database(postgres_admin) -> Iterator[Database]:
    with made_by_roles(postgres_admin) as made:
        yield made


@pytest.fixture
def unmigrated(postgres_admin) -> Iterator[Database]:
    with made_by_roles(postgres_admin) as made:
        yield made


class DeployedRedis:
    """Runs on redis.conf and users.acl as they are, but for the places and the passwords.

    There is one user besides, `admin`, to look inside with. All have one password.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.password = secrets.token_hex(16)
        self._folder = folder
        self._account = server_account()
        self._data = folder.server_data() / f"deploy-{secrets.token_hex(4)}"
        self._data.mkdir()
        port = ReservedPort()
        self.address = f"{LOOPBACK}:{port.number}"
        acl = (DEPLOY / "users.acl").read_text()
        for placeholder in ("CHANGE-ME-SERVICE", "CHANGE-ME-PRODUCER"):
            acl = acl.replace(placeholder, self.password)
        users = self._write("users.acl", f"{acl}user admin on >{self.password} ~* +@all\n")
        self._configuration = self._write(
            "redis.conf",
            (DEPLOY / "redis.conf").read_text().replace("/etc/redis/users.acl", str(users))
            + f"bind {LOOPBACK}\nport {port.number}\ndir {self._data}\n",
        )
        if self._account is not None:
            self._account.give(self._data)
        port.release()
        self.child = self.start()

    def start(self) -> Child:
        program = find_binaries(account=self._account, spare=self._data).valkey
        self.child = start_child(
            folder=self._folder,
            name="valkey",
            argv=[str(program), str(self._configuration)],
            environment={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            log=self._data.with_suffix(".log"),
            cwd=self._data,
            account=self._account,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.connect("admin") as client:
                    client.ping()
            except redis.ConnectionError:
                if self.child.has_ended or time.monotonic() > deadline:
                    raise self.child.failed("does not answer") from None
                time.sleep(0.02)
            else:
                return self.child

    def kill(self) -> None:
        self.child.process.kill()
        self.child.process.wait()

    def url(self, user: str) -> str:
        return f"redis://{user}:{self.password}@{self.address}/0"

    def connect(self, user: str) -> redis.Redis:
        return redis.Redis.from_url(self.url(user), protocol=2, retry=Retry(NoBackoff(), 0))

    def _write(self, name: str, text: str) -> Path:
        path = self._data / name
        path.touch(mode=0o600)
        path.write_text(text)
        if self._account is not None:
            self._account.give(path)
        return path


@pytest.fixture(scope="module")
def redis_server(servers) -> Iterator[DeployedRedis]:
    server = DeployedRedis(servers.folder)
    yield server
    server.child.stop(seconds=10)


@pytest.fixture(scope="module")
def environment(servers, database, redis_server):
    """As docs/deploy/environment: the names of stream and offset are the default ones."""
    own = {
        name: value
        for name, value in servers.environment.items()
        if name not in {"MAIL_REDIS_COMMAND_STREAM", "MAIL_REDIS_OFFSET_KEY"}
    }
    return own | {
        "PATH": "/usr/bin:/bin",
        "MAIL_POSTGRES_PRIMARY_DSN": database.dsn("mailservice"),
        "MAIL_REDIS_MASTER_ADDR": redis_server.address,
        "MAIL_REDIS_USERNAME": "mailservice",
        "MAIL_REDIS_PASSWORD": redis_server.password,
        "MAIL_SMTP_TLS": "none",
    }


@pytest.fixture
def service(servers, environment):
    made = Service(folder=servers.folder, environment=environment)
    yield made
    made.close()


@pytest.fixture(scope="module")
def migrated(servers, environment, database):
    """The owner migrates, as mail-migrate.service does; then roles.sql once more."""
    made = Service(folder=servers.folder, environment=environment)
    process = made.start(
        *("migrate", "--database", "migration", "--no-input"),
        overrides={"MAIL_POSTGRES_MIGRATION_DSN": database.dsn("mailowner")},
    )
    assert process.wait(seconds=120) == 0, process.output
    made.close()
    database.apply_roles()
    return database


@pytest.fixture
def publisher(redis_server):
    made = CommandPublisher.connect(redis_server.url("producer"))
    yield made
    made.close()
