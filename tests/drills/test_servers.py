"""Incidents of PostgreSQL, Redis and the collector."""

import socket
from contextlib import ExitStack

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from mailproject.embedded.ports import LOOPBACK
from tests import runbook
from tests.stack.waiting import wait_until
from tests.surviving.proxy import Proxy

pytestmark = [pytest.mark.process]


@pytest.fixture
def way():
    """Makes the way to a server on which all connections can be cut, and new ones refused."""
    with ExitStack() as stack:
        yield lambda host, port: stack.enter_context(
            Proxy(lambda: socket.create_connection((host, int(port))))
        )


@pytest.mark.drill("PostgreSQL is slow")
def test_postgres_is_slow(drill, postgres_dsn):
    drill.relay()
    drill.start()
    with psycopg.connect(postgres_dsn) as holder:
        holder.execute("LOCK TABLE mail.deliveries IN ACCESS EXCLUSIVE MODE")
        drill.publish(*range(3))
        waits = drill.wait_for_log("run_scheduler", "loop waits after a fault")
        assert waits["fault"].endswith(("55P03", "57014"))
        drill.look("PostgreSQL is slow")
        levels = drill.doctor("postgres", "schema", "schedule")
        assert levels["postgres.answers"] == "ok"
        assert levels["postgres.sessions"] == "warning"
        assert levels["schedule.backlog"] == "failed"  # the question itself took too long

        # the processes pause between two tries
        blocked = wait_until(
            lambda: [row for row in drill.query("PostgreSQL is slow") if row[5]], seconds=120.0
        )
        assert {holder.info.backend_pid} == {pid for row in blocked for pid in row[5]}
        end, *rest = runbook.blocks("sql", runbook.incidents()["PostgreSQL is slow"].remedy)
        assert rest == []
        with psycopg.connect(postgres_dsn, autocommit=True) as operator:
            for statement in filter(str.strip, end.split(";")):
                operator.execute(statement.replace("PID", str(holder.info.backend_pid)))
        with pytest.raises(psycopg.OperationalError):
            holder.execute("SELECT 1")
    drill.wait_for_statuses(sent=3)
    assert set(drill.doctor("postgres").values()) == {"ok"}


@pytest.mark.drill("PostgreSQL is away")
def test_postgres_is_away(drill, postgres_dsn, way):
    parts = conninfo_to_dict(postgres_dsn)
    link = way(parts["host"], parts["port"])
    drill.relay()
    drill.environment["MAIL_POSTGRES_PRIMARY_DSN"] = postgres_dsn.replace(
        f"{parts['host']}:{parts['port']}", f"{LOOPBACK}:{link.port}"
    )
    drill.start()
    drill.publish(1)
    drill.wait_for_statuses(sent=1)
    link.go_away()
    drill.publish(2)
    for command in ("consume_commands", "run_scheduler", "run_attempts"):
        waits = drill.wait_for_log(command, "loop waits after a fault")
        assert waits["fault"].startswith("OperationalError")
    drill.look("PostgreSQL is away")
    levels = drill.doctor("postgres", "processes.scheduler")
    assert levels["postgres.answers"] == "failed"
    assert levels["processes.scheduler"] == "warning"  # not looked at

    link.come_back()
    drill.wait_for_statuses(sent=2)
    drill.remedy("PostgreSQL is away")
    assert set(drill.doctor("postgres").values()) == {"ok"}
    assert drill.doctor("processes.scheduler") == {"processes.scheduler": "ok"}


@pytest.mark.drill("Redis is away")
def test_redis_is_away(drill, redis_address, way):
    host, _, port = redis_address.rpartition(":")
    link = way(host, port)
    drill.relay()
    drill.environment["MAIL_REDIS_MASTER_ADDR"] = f"{LOOPBACK}:{link.port}"
    drill.start()
    drill.publish(1)
    drill.wait_for_statuses(sent=1)
    link.go_away()
    drill.publish(2)
    drill.wait_for_log("consume_commands", "loop waits after a fault")
    drill.look("Redis is away")
    levels = drill.doctor("redis", "stream")
    assert levels["redis.answers"] == "failed"
    assert levels["stream.lag"] == "warning"  # not looked at

    link.come_back()
    drill.wait_for_statuses(sent=2)
    drill.remedy("Redis is away")
    levels = drill.doctor("redis", "stream")
    assert levels["redis.answers"] == "ok"
    assert levels["stream.lag"] == "ok"


@pytest.mark.drill("Telemetry is not exported")
def test_telemetry_is_not_exported(drill, way):
    link = way("127.0.0.1", drill.collector.port)
    drill.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{LOOPBACK}:{link.port}"
    drill.relay()
    link.go_away()
    drill.start()
    drill.publish(1)
    drill.wait_for_statuses(sent=1)  # mail goes on
    told = drill.wait_for_log("run_attempts", "telemetry is not exported")
    assert told["fault"] == "the connection was closed"
    drill.look("Telemetry is not exported")
    assert drill.doctor("telemetry") == {"telemetry.exporters": "warning"}
    assert drill.collector.metrics == {}

    link.come_back()
    drill.remedy("Telemetry is not exported")
    drill.wait_for_metric("mail.delivery.sent", least=1)
    assert drill.doctor("telemetry") == {"telemetry.exporters": "ok"}
