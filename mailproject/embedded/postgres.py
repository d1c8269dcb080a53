"""PostgreSQL from the wheel's programs: one cluster for one run, on loopback."""

import secrets
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from mailproject.embedded import provision
from mailproject.embedded.account import server_account
from mailproject.embedded.binaries import find_binaries
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.errors import ChildFailedError
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from mailproject.embedded.provision import ServiceDatabase

ADMIN = "postgres"
# a locale that is always there: initdb fails on one that is not generated
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_OWN_WORDS = 3  # postgres -D DATA; what stands before them in the command line is the tether's

# what a cluster needs to be ours alone, whatever its owner's environment says
_OURS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may be 107 bytes long, a checkout's is any
    "dynamic_shared_memory_type": "mmap",  # nothing left in /dev/shm, which may be small
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# for tests only: a crash of the machine may lose them
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "10s"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server. `admin` is the superuser's conninfo, without a database."""

    child: Child
    port: int
    admin: str = field(repr=False)

    def stop(self) -> None:
        """Shut down fast: open transactions are rolled back, what is committed is on disk."""
        self.child.stop(seconds=_STOP_SECONDS)

    def restart(self, *, folder: RunFolder, crash: bool = False) -> "Postgres":
        """Stop it, or kill it with everything that it has open, and start it on its old data."""
        argv = [str(word) for word in self.child.process.args][-_OWN_WORDS:]  # type: ignore[union-attr]
        if crash:
            self.child.process.kill()
            self.child.finish(seconds=_STOP_SECONDS)
        else:
            self.stop()
        deadline = time.monotonic() + _START_SECONDS
        while True:
            child = _start(folder, argv)
            try:
                _await_answer(child, self.admin)
            except ChildFailedError:
                # what a killed server's sessions hold for a moment is in the way of the next one
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return Postgres(child=child, port=self.port, admin=self.admin)

    def make_database(self, database: ServiceDatabase) -> str:
        """Make the service's role, database and schema; returns the service's URL."""
        provision.provision(admin=self.admin, database=database)
        return provision.service_dsn(admin=self.admin, database=database)


def start_postgres(
    *,
    folder: RunFolder,
    port: ReservedPort | None = None,
    settings: Mapping[str, str] | None = None,
) -> Postgres:
    """Make a cluster and start it; with no `port`, on any free one. Raises ChildFailedError."""
    account = server_account()
    data = folder.server_data()
    programs = find_binaries(account=account, spare=data)
    password = secrets.token_hex(16)
    cluster = data / "postgres"
    _initdb(folder, programs.postgres_program("initdb"), cluster, password)
    reserved = port or ReservedPort()
    with (cluster / "postgresql.conf").open("a") as file:
        for name, value in (_OURS | {"port": str(reserved.number)} | dict(settings or {})).items():
            file.write(f"{name} = '{value}'\n")
    reserved.release()
    child = _start(folder, [programs.postgres_program("postgres"), "-D", str(cluster)])
    admin = make_conninfo(host=LOOPBACK, port=reserved.number, user=ADMIN, password=password)
    _await_answer(child, admin)
    return Postgres(child=child, port=reserved.number, admin=admin)


def _start(folder: RunFolder, argv: list[str]) -> Child:
    return start_child(
        folder=folder,
        name="postgres",
        argv=argv,
        environment=_ENVIRONMENT,
        log=folder.subfolder("logs") / "postgres.log",
        cwd=folder.server_data(),
        account=server_account(),
        gently=signal.SIGINT,  # fast shutdown
    )


def _initdb(folder: RunFolder, program: str, cluster: Path, password: str) -> None:
    account = server_account()
    secret = cluster.with_name("postgres.password")
    secret.touch(mode=0o600)
    secret.write_text(password)
    if account is not None:
        account.give(secret)
    child = start_child(
        folder=folder,
        name="initdb",
        argv=[
            *(program, "--pgdata", str(cluster), "--username", ADMIN, "--pwfile", str(secret)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync", "--no-instructions"),
        ],
        environment=_ENVIRONMENT,
        log=folder.subfolder("logs") / "initdb.log",
        cwd=cluster.parent,
        account=account,
    )
    status = child.finish(seconds=_START_SECONDS)
    secret.unlink()
    if status != 0:
        raise child.failed(f"ended with exit status {status}")


def _await_answer(child: Child, admin: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    conninfo = make_conninfo(admin, dbname="postgres", connect_timeout=5)
    while True:
        if child.has_ended:
            raise child.failed(f"ended with exit status {child.process.returncode}")
        try:
            psycopg.connect(conninfo).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                child.stop(seconds=_STOP_SECONDS)
                raise child.failed(f"did not answer within {_START_SECONDS:.0f} s") from None
            time.sleep(0.05)
        else:
            return
