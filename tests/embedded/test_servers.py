"""The servers as the service meets them."""

import os
import secrets
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict

from mailproject.embedded.account import Account
from mailproject.embedded.binaries import find_binaries
from mailproject.embedded.errors import ChildFailedError
from mailproject.embedded.ports import ReservedPort
from mailproject.embedded.postgres import start_postgres
from mailproject.embedded.provision import ServiceDatabase, drop, provision, service_dsn
from mailproject.embedded.valkey import connect, start_valkey


def refuses(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_the_service_may_use_its_schema_and_nothing_else(postgres_dsn):
    with psycopg.connect(postgres_dsn) as connection:
        (owner,) = connection.execute(
            "SELECT pg_get_userbyid(nspowner) = current_user FROM pg_namespace"
            " WHERE nspname = 'mail'"
        ).fetchone()
        assert owner
        (is_superuser,) = connection.execute(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
        assert not is_superuser
    refuses(postgres_dsn, "CREATE SCHEMA other")
    refuses(postgres_dsn, "CREATE TABLE public.t (x int)")
    refuses(postgres_dsn, "CREATE TEMP TABLE t (x int)")


def test_a_database_is_made_and_dropped_while_someone_is_connected(postgres_admin):
    unique = secrets.token_hex(4)  # other runs may use the same server
    database = ServiceDatabase(name=f"mail_{unique}", role=f"role {unique}", password="p'w")
    provision(admin=postgres_admin, database=database)
    connection = psycopg.connect(service_dsn(admin=postgres_admin, database=database))
    drop(admin=postgres_admin, database=database)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with psycopg.connect(postgres_admin) as admin:
        assert admin.execute(
            "SELECT (SELECT count(*) FROM pg_database WHERE datname = %s)"
            " + (SELECT count(*) FROM pg_roles WHERE rolname = %s)",
            [database.name, database.role],
        ).fetchone() == (0,)


@pytest.mark.parametrize(
    ("admin", "host", "port"),
    [
        ("postgresql://root:secret@127.0.0.1:5433/postgres", "127.0.0.1", "5433"),
        ("postgresql://root@[::1]:5433/postgres", "::1", "5433"),
        ("postgresql://root@db.example/postgres", "db.example", None),
        ("host='/run/my sockets' port=5433 user=root", "/run/my sockets", "5433"),
        ("dbname=postgres", None, None),
    ],
)
def test_the_service_url_says_what_the_admins_says_but_who(admin, host, port):
    database = ServiceDatabase(name="mä/il", role="a b", password="p@:/?#%'")
    dsn = service_dsn(admin=admin, database=database)
    parts = conninfo_to_dict(dsn)
    assert dsn.startswith("postgresql://")
    assert (parts["user"], parts["password"], parts["dbname"]) == ("a b", "p@:/?#%'", "mä/il")
    assert (parts.get("host"), parts.get("port")) == (host, port)


def test_no_password_is_shown():
    assert "hidden" not in repr(ServiceDatabase(name="n", role="r", password="hidden"))


@pytest.mark.process
def test_postgres_runs_for_itself(run_folder):
    server = start_postgres(folder=run_folder)
    uid = Path(f"/proc/{server.child.process.pid}").stat().st_uid
    with psycopg.connect(server.admin, dbname="postgres") as connection:
        shown = {
            name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]
            for name in ("fsync", "full_page_writes", "synchronous_commit", "data_directory")
        }
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
    arguments = Path(f"/proc/{server.child.process.pid}/cmdline").read_text()
    password = conninfo_to_dict(server.admin)["password"]
    server.stop()
    assert (shown["fsync"], shown["full_page_writes"], shown["synchronous_commit"]) == ("on",) * 3
    assert uid != 0
    assert Path(shown["data_directory"]).is_relative_to(run_folder.server_data())
    assert password not in arguments
    assert server.child.process.returncode == 0
    assert "database system is shut down" in server.child.tail()


@pytest.mark.process
def test_a_server_that_cannot_start_says_why(run_folder):
    with pytest.raises(ChildFailedError, match="no_such_setting"):
        start_postgres(folder=run_folder, settings={"no_such_setting": "1"})


@pytest.mark.process
def test_valkey_wants_its_password_and_keeps_everything(run_folder):
    server = start_valkey(folder=run_folder)
    with connect(server.address, "") as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with server.connect() as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    arguments = Path(f"/proc/{server.child.process.pid}/cmdline").read_text()
    assert Path(f"/proc/{server.child.process.pid}").stat().st_uid != 0
    server.stop()
    assert server.password not in arguments
    assert server.password not in repr(server)
    assert server.child.process.returncode == 0


def test_a_reserved_port_is_nobody_elses():
    with ReservedPort() as first, ReservedPort() as second:
        assert first.number != second.number


@pytest.mark.parametrize("readable", [True, False])
def test_programs_are_copied_only_for_an_account_that_cannot_read_them(
    tmp_path, monkeypatch, readable
):
    monkeypatch.setattr("mailproject.embedded.binaries._open_to_others", lambda _program: readable)
    spare = tmp_path / "spare"
    spare.mkdir()
    old = os.umask(0o077)
    found = find_binaries(account=Account(uid=65534, gid=65534), spare=spare)
    os.umask(old)
    assert found.postgres.is_relative_to(spare) is not readable
    for program in (Path(found.postgres_program("initdb")), found.valkey):
        assert program.stat().st_mode & 0o005 == 0o005
        inside = [path for path in program.parents if path.is_relative_to(spare) and path != spare]
        assert all(path.stat().st_mode & 0o001 for path in inside)
