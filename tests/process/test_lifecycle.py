"""The life of a process, seen from outside."""

import signal
import time

import psycopg
import pytest

from deliveries.process import migration

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

COMMANDS = ["serve", "consume_commands", "run_scheduler", "run_attempts", "prune"]
WAITS = "waiting for the migrations of another process"
_LONGER_THAN_A_WAIT = 1.2  # the main thread waits for half a second at a time


def test_a_process_that_was_frozen_goes_on(service):
    scheduler = service.start("run_scheduler")
    scheduler.wait_until_started()
    for _ in range(2):
        scheduler.signal(signal.SIGSTOP)
        time.sleep(_LONGER_THAN_A_WAIT)
        scheduler.signal(signal.SIGCONT)
        time.sleep(_LONGER_THAN_A_WAIT)
    assert scheduler.logged("scheduler stopped") == []
    assert scheduler.stop() == 0


@pytest.fixture
def migrating(service):
    """Another process holds the lock under which migrations are applied."""
    with psycopg.connect(service.environment["MAIL_POSTGRES_PRIMARY_DSN"]) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [migration._LOCK])
        yield


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_start_that_waits_can_be_called_off(service, migrating, command, number):
    process = service.start(command)
    process.wait_for_log(WAITS)
    process.signal(number)
    assert process.wait() == 0
    assert len(process.logged(WAITS)) == 1
    assert "Traceback" not in process.output


@pytest.mark.parametrize("command", COMMANDS)
def test_what_may_not_be_meant_is_said_at_every_start(service, migrating, command):
    overrides = {"MAIL_SMTP_MODE": "smtp", "MAIL_SMTP_TLS": "none", "MAIL_SMTP_ADR": "x:25"}
    process = service.start(command, overrides=overrides)
    process.wait_for_log(WAITS)
    told = {line["check"]: line for line in process.logged("configuration warning")}
    assert {"mail.W001", "mail.W003"} <= told.keys()
    assert {line["level"] for line in told.values()} == {"warning"}
    assert "in the clear" in told["mail.W001"]["says"]
    assert "MAIL_SMTP_ADDR" in told["mail.W003"]["advice"]
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
