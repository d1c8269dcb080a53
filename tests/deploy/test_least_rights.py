"""The processes run with the rights that docs/deploy gives, and with none besides."""

import contextlib
import time

import psycopg
import pytest
import redis
from psycopg import errors, sql

from deliveries.producer import (
    DEFAULT_STREAM,
    RenderedMail,
    StreamRefusedError,
    TemplateMail,
)
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from mailproject.embedded.procfile import read_procfile
from tests.relay import ScriptedRelay, Stage, by_turn
from tests.stack.servers import CHECKOUT

pytestmark = pytest.mark.process

PROCFILE = read_procfile(CHECKOUT / "Procfile")
PLAIN = RenderedMail(to=["ada@example.org"], subject="Hello", text_body="Text")


@contextlib.contextmanager
def running(service, **overrides):
    """Every process type of the Procfile; afterwards each has ended in order."""
    port = ReservedPort()
    overrides["MAIL_INTERNAL_HTTP_ADDR"] = f"{LOOPBACK}:{port.number}"
    port.release()
    processes = {
        name: service.start(*command.split()[2:], overrides=overrides)
        for name, command in PROCFILE.items()
    }
    for process in processes.values():
        process.wait_until_started()
    yield processes
    for name, process in processes.items():
        assert process.stop() == 0, f"{name}: {process.output}"


def wait_for(database, query, expected, *, seconds=60):
    """As the role for reports sees it."""
    deadline = time.monotonic() + seconds
    while True:
        with database.connect("mailreport") as connection:
            found = connection.execute(query).fetchall()
        if found == expected:
            return
        assert time.monotonic() < deadline, f"stays at {found}"
        time.sleep(0.1)


def test_a_start_before_the_migration_says_who_has_to_migrate(service, unmigrated):
    process = service.start(
        "run_scheduler", overrides={"MAIL_POSTGRES_PRIMARY_DSN": unmigrated.dsn("mailservice")}
    )
    assert process.wait() == 69
    assert "MAIL_POSTGRES_MIGRATION_DSN" in process.output


def test_mails_go_their_way(service, migrated, publisher):
    replies = by_turn("250 ok", "250 ok", "550 5.1.1 gone", "451 later", "250 ok")
    with ScriptedRelay({Stage.RCPT: replies}) as relay:
        overrides = {
            "MAIL_SMTP_ADDR": f"127.0.0.1:{relay.port}",
            "MAIL_RETRY_LADDER": "100ms",
            "MAIL_STREAM_RETENTION": "1s",
            "MAIL_ATTEMPT_WORKER_CONCURRENCY": "2",
        }
        with running(service, **overrides) as processes:
            for number in range(4):
                publisher.publish(PLAIN, idempotency_key=f"k-{number}")
                wait_for(
                    migrated,
                    "SELECT count(*) FROM mail.deliveries WHERE status IN ('sent', 'failed')",
                    [(number + 1,)],
                )
            publisher.publish(PLAIN, idempotency_key="k-0")
            publisher.publish(
                TemplateMail(to=["a@b.org"], template_id="no.such", locale="en", variables={}),
                idempotency_key="k-bad",
            )
            wait_for(
                migrated,
                "SELECT failure_code FROM mail.malformed_commands",
                [("template_not_found",)],
            )
            doctor = service.start("doctor", overrides=overrides)
            doctor.wait()
            tool = service.start("malformed_commands", overrides=overrides)
            assert tool.wait() == 0, tool.output
    wait_for(
        migrated,
        "SELECT status, count(*) FROM mail.deliveries GROUP BY 1 ORDER BY 1",
        [("failed", 1), ("sent", 3)],
    )
    assert "ok" in doctor.output
    for process in (*processes.values(), doctor, tool):
        for refusal in ("InsufficientPrivilege", "NoPermission", "ResponseError", "42501"):
            assert refusal not in process.output, process.output


class TestPostgres:
    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE TABLE mail.x (a int)",
            "CREATE SCHEMA x",
            "CREATE TABLE public.x (a int)",
            "ALTER TABLE mail.deliveries ADD COLUMN x int",
            "DROP TABLE mail.deliveries",
            "TRUNCATE mail.deliveries CASCADE",
            "CREATE INDEX ON mail.deliveries (status)",
            "DELETE FROM mail.django_migrations",
            "CREATE ROLE x",
        ],
    )
    @pytest.mark.parametrize("role", ["mailservice", "mailreport"])
    def test_nobody_else_changes_tables(self, migrated, role, statement):
        with migrated.connect(role) as connection:
            connection.execute("SET default_transaction_read_only = off")
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT * FROM mail.deliveries",
            "SELECT fingerprint FROM mail.deliveries",
            "SELECT idempotency_key FROM mail.deliveries",
            "SELECT recipients FROM mail.attempts",
            "SELECT subject FROM mail.delivery_payloads",
            "SELECT content FROM mail.attachments",
            "SELECT raw_fields FROM mail.malformed_commands",
            "SELECT * FROM mail.idempotency_reservations",
            "UPDATE mail.deliveries SET status = 'sent'",
            "DELETE FROM mail.workers",
            "INSERT INTO mail.holds (source, reason) VALUES ('notification', 'x')",
        ],
    )
    def test_reports_read_no_content_and_write_nothing(self, migrated, statement):
        with migrated.connect("mailreport") as connection:
            connection.execute("SET default_transaction_read_only = off")
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)

    def test_reports_are_short_and_read_only(self, migrated):
        with migrated.connect("mailreport") as connection:
            for name, value in (
                ("default_transaction_read_only", "on"),
                ("statement_timeout", "30s"),
                ("idle_in_transaction_session_timeout", "5s"),
            ):
                assert connection.execute(f"SHOW {name}").fetchone() == (value,)

    def test_a_later_migration_needs_no_grant(self, migrated):
        with migrated.connect("mailowner") as connection:
            connection.execute(
                "CREATE TABLE mail.later (id bigint GENERATED BY DEFAULT AS IDENTITY)"
            )
        try:
            with migrated.connect("mailservice") as connection:
                connection.execute("INSERT INTO mail.later VALUES (DEFAULT)")
                connection.execute("SELECT nextval(pg_get_serial_sequence('mail.later', 'id'))")
            with (
                migrated.connect("mailreport") as connection,
                pytest.raises(errors.InsufficientPrivilege),
            ):
                connection.execute("SELECT id FROM mail.later")
        finally:
            with migrated.connect("mailowner") as connection:
                connection.execute("DROP TABLE mail.later")

    def test_no_role_is_a_superuser_or_inherits(self, migrated):
        with psycopg.connect(migrated.admin) as connection:
            found = connection.execute(
                sql.SQL(
                    "SELECT bool_or(rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls"
                    " OR rolinherit) FROM pg_roles WHERE rolname = ANY(%s)"
                ),
                [[migrated.role(name) for name in ("mailowner", "mailservice", "mailreport")]],
            ).fetchone()
        assert found == (False,)


class TestRedis:
    @pytest.mark.parametrize(
        ("user", "command"),
        [
            ("producer", ("XREAD", "STREAMS", "mail:delivery_commands", "0")),
            ("producer", ("XTRIM", "mail:delivery_commands", "MAXLEN", "0")),
            ("producer", ("DEL", "mail:delivery_commands")),
            ("producer", ("XADD", "other", "*", "a", "b")),
            ("producer", ("GET", "mail:stream_offsets:delivery_commands")),
            ("mailservice", ("DEL", "mail:delivery_commands")),
            ("mailservice", ("FLUSHALL",)),
            ("mailservice", ("CONFIG", "GET", "*")),
            ("mailservice", ("GET", "other")),
        ],
    )
    def test_no_more_than_is_needed(self, redis_server, user, command):
        with redis_server.connect(user) as client:
            assert client.ping()
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command)

    def test_nobody_comes_in_without_a_name(self, redis_server):
        with (
            redis.Redis.from_url(f"redis://{redis_server.address}/0") as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()

    def test_a_full_memory_refuses_and_forgets_nothing(self, redis_server, publisher):
        publisher.publish(PLAIN, idempotency_key="k-before")
        with redis_server.connect("admin") as admin:
            held = admin.xlen(DEFAULT_STREAM)
            (limit,) = admin.config_get("maxmemory").values()
            admin.config_set("maxmemory", 1)
            try:
                with pytest.raises(StreamRefusedError, match="OutOfMemory"):
                    publisher.publish(PLAIN, idempotency_key="k-after")
            finally:
                admin.config_set("maxmemory", limit)
            assert admin.xlen(DEFAULT_STREAM) == held

    def test_what_is_confirmed_survives_a_kill(self, redis_server, publisher):
        published = publisher.publish(PLAIN, idempotency_key="k-killed")
        redis_server.kill()
        redis_server.start()
        with redis_server.connect("admin") as admin:
            assert admin.xrange(DEFAULT_STREAM, published.entry_id, published.entry_id)
