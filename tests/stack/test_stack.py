"""The tests' own servers and processes: what they clean up, and when they say that they failed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailproject.embedded.errors import ChildFailedError
from mailproject.embedded.folder import RunFolder
from tests.stack import servers as servers_module
from tests.stack.servers import Servers, folder_prefix


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Runs of another checkout, so that no living run is in the way."""
    monkeypatch.setattr(servers_module, "CHECKOUT", tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_run_cleans_up_after_a_killed_one_and_spares_a_living_one(elsewhere):
    prefix = folder_prefix()
    living = RunFolder.hold(Path(f"{prefix}living"))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as sleeper:
        killed = RunFolder.hold(Path(f"{prefix}killed"))
        killed.record("sleeper", sleeper.pid, gently=signal.SIGTERM)
        os.close(killed._lock)
        servers = Servers({})
        fresh = servers.folder.path
        assert set(elsewhere.iterdir()) == {living.path, fresh}
        assert sleeper.wait() == -signal.SIGTERM
    servers.close()
    living.close()
    assert list(elsewhere.iterdir()) == []


def test_a_run_that_needs_no_server_starts_none(elsewhere):
    servers = Servers({})
    assert servers.environment["MAIL_POSTGRES_PRIMARY_DSN"]
    servers.close()
    assert list(elsewhere.iterdir()) == []


def test_given_servers_are_used_under_names_of_this_run_alone():
    given = {
        "MAIL_TEST_POSTGRES_DSN": "postgresql://root:secret@db.example:5433/postgres",
        "MAIL_TEST_REDIS_ADDR": "redis.example:6380",
    }
    first, second = Servers(given).environment, Servers(given).environment
    for name in (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "MAIL_REDIS_COMMAND_STREAM",
        "MAIL_REDIS_OFFSET_KEY",
    ):
        assert first[name] != second[name]
    assert "@db.example:5433/mail_test_" in first["MAIL_POSTGRES_PRIMARY_DSN"]
    assert "root" not in first["MAIL_POSTGRES_PRIMARY_DSN"]
    assert first["MAIL_REDIS_MASTER_ADDR"] == "redis.example:6380"


def test_only_this_runs_keys_are_deleted(servers, redis_client):
    foreign = f"not-{servers.key_prefix}key"
    redis_client.set(foreign, 1)
    redis_client.set(f"{servers.key_prefix}key", 1)
    servers.clear_redis()
    assert redis_client.exists(f"{servers.key_prefix}key") == 0
    assert redis_client.delete(foreign) == 1


@pytest.fixture
def run_shell(service):
    def start(script):
        return service.start_program(["/bin/sh", "-c", script], name="sh")

    return start


@pytest.mark.process
def test_a_line_is_waited_for_and_counted(run_shell):
    process = run_shell(
        'for n in 1 2; do echo \'{"message": "tick", "n": \'$n\'}\'; done; echo plain;'
        'printf \'{"message": "unfin\'; exec sleep 600'
    )
    assert process.wait_for_log("tick", count=2)["n"] == 2
    assert [line["n"] for line in process.logs] == [1, 2]
    process.kill()
    assert process.wait() == -signal.SIGKILL


@pytest.mark.process
def test_the_end_of_the_process_ends_the_wait_for_its_line(run_shell):
    with pytest.raises(ChildFailedError, match=r"(?s)with 3 without logging 'tick'.*last words"):
        run_shell("echo last words; exit 3").wait_for_log("tick")


@pytest.mark.process
def test_a_process_gets_the_servers_and_the_overrides(service):
    process = service.start_program(
        ["/bin/sh", "-c", 'echo "$MAIL_SMTP_MODE ${MAIL_SMTP_ADDR-unset} $MAIL_REDIS_MASTER_ADDR"'],
        name="sh",
        overrides={"MAIL_SMTP_MODE": "stub", "MAIL_SMTP_ADDR": None},
    )
    assert process.wait() == 0
    address = service.environment["MAIL_REDIS_MASTER_ADDR"]
    assert process.output == f"stub unset {address}\n"
