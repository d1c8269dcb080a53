"""The PostgreSQL and Redis that the tests run on: embedded by default, given servers if named.

`MAIL_TEST_POSTGRES_DSN` is a superuser's DSN: a database and a role of unique names are made there
and dropped at the end. `MAIL_TEST_REDIS_ADDR` (`host:port`, database 0, no password) is used under
a unique key prefix. Settings are read when pytest starts, servers are started when a test first
needs one: so ports, names and passwords are settled at once, and a run of pure tests starts none.
"""

import hashlib
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

import redis
from psycopg.conninfo import make_conninfo

from mailproject.embedded import provision
from mailproject.embedded.errors import FolderBusyError, FolderUnusableError
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from mailproject.embedded.postgres import ADMIN, NOT_DURABLE, Postgres, start_postgres
from mailproject.embedded.provision import ServiceDatabase
from mailproject.embedded.valkey import Valkey, connect, start_valkey

CHECKOUT = Path(__file__).resolve().parents[2]


class Servers:
    """The servers of one test run."""

    def __init__(self, given: dict[str, str]) -> None:
        """`given` is the environment that pytest was started with."""
        token = secrets.token_hex(6)
        self.key_prefix = f"mailtest:{token}:"
        self._given_postgres = given.get("MAIL_TEST_POSTGRES_DSN", "")
        self._given_redis = given.get("MAIL_TEST_REDIS_ADDR", "")
        self._postgres_port = None if self._given_postgres else ReservedPort()
        self._redis_port = None if self._given_redis else ReservedPort()
        self.redis_password = "" if self._given_redis else secrets.token_hex(16)
        unique = "" if self._postgres_port else f"_test_{token}"
        self.database = ServiceDatabase(
            name=f"mail{unique}", role=f"mailservice{unique}", password=secrets.token_hex(16)
        )
        self._folder: RunFolder | None = None
        self._running: list[Postgres | Valkey] = []
        self._admin: str | None = None
        self._redis: redis.Redis | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The service's configuration; relays are the tests' own, so nothing listens at this."""
        return {
            "MAIL_SECRET_KEY": hashlib.sha256(self.key_prefix.encode()).hexdigest(),
            "MAIL_REDIS_MASTER_ADDR": self.redis_address,
            "MAIL_REDIS_PASSWORD": self.redis_password,
            "MAIL_REDIS_COMMAND_STREAM": f"{self.key_prefix}delivery_commands",
            "MAIL_REDIS_OFFSET_KEY": f"{self.key_prefix}stream_offset",
            "MAIL_POSTGRES_PRIMARY_DSN": self.postgres_dsn,
            "MAIL_SMTP_MODE": "smtp",
            "MAIL_SMTP_ADDR": f"{LOOPBACK}:1",
            "MAIL_SMTP_FROM_EMAIL": "sender@example.com",
        }

    @property
    def redis_address(self) -> str:
        return f"{LOOPBACK}:{self._redis_port.number}" if self._redis_port else self._given_redis

    @property
    def postgres_dsn(self) -> str:
        """The service's URL, whether the server runs already or not."""
        if self._postgres_port is None:
            admin = self._given_postgres
        else:
            admin = make_conninfo(host=LOOPBACK, port=self._postgres_port.number, user=ADMIN)
        return provision.service_dsn(admin=admin, database=self.database)

    @property
    def folder(self) -> RunFolder:
        """The private folder of this run; its first use cleans up after killed runs."""
        if self._folder is None:
            _sweep()
            self._folder = _hold_fresh()
        return self._folder

    def start_postgres(self) -> str:
        """Return a superuser's conninfo to the service's database, which is made if need be."""
        if self._admin is None:
            if self._postgres_port is None:
                admin = self._given_postgres
            else:
                port = self._postgres_port
                server = start_postgres(folder=self.folder, port=port, settings=NOT_DURABLE)
                self._running.append(server)
                admin = server.admin
            provision.provision(admin=admin, database=self.database)
            self._admin = make_conninfo(admin, dbname=self.database.name)
        return self._admin

    @property
    def owns_postgres(self) -> bool:
        return self._postgres_port is not None

    def restart_postgres(self, *, crash: bool = False) -> None:
        """Restart this run's own server; after a `crash` it recovers from its log."""
        (server,) = (server for server in self._running if isinstance(server, Postgres))
        self._running.remove(server)
        self._running.append(server.restart(folder=self.folder, crash=crash))

    def start_redis(self) -> redis.Redis:
        """Return a client that speaks bytes."""
        if self._redis is None:
            if self._redis_port is None:
                self._redis = connect(self._given_redis, "")
            else:
                server = start_valkey(
                    folder=self.folder,
                    port=self._redis_port,
                    password=self.redis_password,
                    durable=False,
                )
                self._running.append(server)
                self._redis = server.connect()
            self._redis.ping()
        return self._redis

    def clear_redis(self) -> None:
        """Delete this run's own keys, no other."""
        if self._redis is not None:
            keys = list(self._redis.scan_iter(match=f"{self.key_prefix}*", count=1000))
            if keys:
                self._redis.delete(*keys)

    def close(self) -> None:
        if self._redis is not None:
            self.clear_redis()
            self._redis.close()
        if self._admin is not None and self._given_postgres:
            provision.drop(admin=self._given_postgres, database=self.database)
        for server in reversed(self._running):
            server.stop()
        if self._folder is not None:
            self._folder.close()
        for port in (self._postgres_port, self._redis_port):
            if port is not None:
                port.release()


def folder_prefix() -> Path:
    """A prefix: the runs of this user on this checkout have folders that begin with it."""
    checkout = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    home = Path(tempfile.gettempdir()).resolve()
    return home / f"mail-service-tests-{os.geteuid()}-{checkout}-"


def _hold_fresh() -> RunFolder:
    while True:
        # another run's sweep may hold a folder of ours for a moment
        with suppress(FolderBusyError):
            return RunFolder.hold(Path(f"{folder_prefix()}{secrets.token_hex(4)}"))


def _sweep() -> None:
    """End and remove what killed runs left; living runs hold their folders."""
    prefix = folder_prefix()
    for path in prefix.parent.glob(f"{prefix.name}*"):
        with suppress(FolderBusyError, FolderUnusableError):
            RunFolder.hold(path).close()
