"""What docs/deploy.md says of restored databases, and of processes older than their database."""

import re
import secrets
import time

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deliveries.producer import DEFAULT_STREAM, RenderedMail
from deliveries.producer.entry import entry_fields
from deliveries.states import Source
from tests import runbook
from tests.deploy.conftest import Database
from tests.relay import ScriptedRelay
from tests.stack.servers import CHECKOUT
from tests.stack.waiting import wait_until

pytestmark = pytest.mark.process

PLAIN = RenderedMail(to=["ada@example.org"], subject="Hello", text_body="Text")


@pytest.fixture
def consume(service):
    """Runs a consumer on a database until it has so many deliveries; returns what it logged."""

    def run(database, *, deliveries):
        process = service.start(
            "consume_commands",
            overrides={"MAIL_POSTGRES_PRIMARY_DSN": database.dsn("mailservice")},
        )
        process.wait_until_started()
        deadline = time.monotonic() + 60
        while (found := keys(database)) != deliveries:
            assert time.monotonic() < deadline, f"stays at {found}: {process.output}"
            time.sleep(0.1)
        assert process.stop() == 0
        return process

    return run


def keys(database):
    with database.connect("mailservice") as connection:
        rows = connection.execute("SELECT idempotency_key FROM mail.deliveries").fetchall()
    return sorted(row[0] for row in rows)


@pytest.fixture
def backup(postgres_admin, migrated):
    """Makes a copy of the database as it is."""
    made = []

    def copy():
        name = f"{migrated.name}_{secrets.token_hex(3)}"
        with psycopg.connect(postgres_admin, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(migrated.name)
                )
            )
        made.append(name)
        return Database(make_conninfo(postgres_admin, dbname=name), name, migrated.token)

    yield copy
    with psycopg.connect(postgres_admin, autocommit=True) as connection:
        for name in made:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def test_databases_restored_to_an_earlier_time(migrated, backup, consume, publisher, redis_server):
    publisher.publish(PLAIN, idempotency_key="k-1")
    consume(migrated, deliveries=["k-1"])
    earlier = backup()
    publisher.publish(PLAIN, idempotency_key="k-2")
    consume(migrated, deliveries=["k-1", "k-2"])

    # PostgreSQL: its own cursor counts, so what came since is accepted again, once
    process = consume(earlier, deliveries=["k-1", "k-2"])
    assert process.logged("published offset differs from the cursor")
    consume(earlier, deliveries=["k-1", "k-2"])

    # Redis, restored empty: the commands in it are read from the first, and keys are still known
    with redis_server.connect("admin") as admin:
        admin.delete(DEFAULT_STREAM)
        hour_ago = (time.time_ns() // 1_000_000) - 3_600_000
        for number, key in enumerate(("k-2", "k-3")):
            admin.xadd(
                DEFAULT_STREAM,
                entry_fields(PLAIN, idempotency_key=key),
                id=f"{hour_ago}-{number}",
            )
    process = consume(earlier, deliveries=["k-1", "k-2", "k-3"])
    assert process.logged("stream entries were lost before they were read")


def steps(**words):
    """The commands of the page, by the number of their step."""
    page = (CHECKOUT / "docs" / "deploy.md").read_text()
    part = page.partition("To restore PostgreSQL without")[2].partition("\nAfter a restore")[0]
    parts = re.split(r"^(\d)\. ", part, flags=re.MULTILINE)
    return {
        int(number): runbook.commands(re.sub(r"^ {3}", "", body, flags=re.MULTILINE), **words)
        for number, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_the_steps_after_a_restore_let_nothing_go_out_twice(
    service, migrated, backup, consume, publisher
):
    known = keys(migrated)
    publisher.publish(PLAIN, idempotency_key="went-out")
    consume(migrated, deliveries=sorted([*known, "went-out"]))
    restored = backup()
    publisher.publish(PLAIN, idempotency_key="came-since")

    with ScriptedRelay() as relay, restored.connect("mailservice") as connection:
        overrides = {
            "MAIL_POSTGRES_PRIMARY_DSN": restored.dsn("mailservice"),
            "MAIL_SMTP_ADDR": f"127.0.0.1:{relay.port}",
        }
        connection.autocommit = True

        def start(name, *arguments):
            return service.start(name, *arguments, overrides=overrides)

        def do(step, **words):
            for command in steps(**words)[step]:
                process = start(*command)
                assert process.wait() == 0, process.output

        def statuses():
            rows = connection.execute("SELECT idempotency_key, status FROM mail.deliveries")
            return dict(rows.fetchall())

        do(2)
        held = {source for (source,) in connection.execute("SELECT source FROM mail.holds")}
        assert held == set(Source)
        do(3)
        for name in ("consume_commands", "run_scheduler"):
            start(name)
        wait_until(lambda: "came-since" in statuses())
        do(4)
        attempts = start("run_attempts")
        attempts.wait_until_started()
        for key in [*known, "went-out"]:
            found = connection.execute(
                "SELECT delivery_id FROM mail.deliveries WHERE idempotency_key = %s", [key]
            )
            do(5, DELIVERY_ID=found.fetchone()[0])
        assert set(statuses().values()) == {"queued", "failed"}
        do(6)
        wait_until(lambda: statuses()["came-since"] == "sent")
        assert statuses() == {
            **dict.fromkeys([*known, "went-out"], "failed"),
            "came-since": "sent",
        }
    assert len(relay.messages) == 1


def test_an_older_version_starts_on_a_newer_schema(service, migrated):
    with migrated.connect("mailowner") as connection:
        connection.execute(
            "INSERT INTO mail.django_migrations (app, name, applied)"
            " VALUES ('deliveries', '9999_of_a_later_version', now())"
        )
    try:
        process = service.start(
            "run_scheduler", overrides={"MAIL_POSTGRES_PRIMARY_DSN": migrated.dsn("mailservice")}
        )
        process.wait_until_started()
        assert process.stop() == 0
    finally:
        with migrated.connect("mailowner") as connection:
            connection.execute("DELETE FROM mail.django_migrations WHERE name LIKE '9999%'")
