"""A pid alone names nobody."""

import dataclasses
import os
import signal
import subprocess
import sys

import pytest

from mailproject.embedded.processes import end, identify, is_running, wait_gone

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True);"
    "time.sleep(600)",
]


@pytest.fixture
def sleeper():
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def test_a_living_process_is_itself():
    process = identify(os.getpid())
    assert process is not None
    assert process.pid == os.getpid()
    assert is_running(process)


def test_a_pid_that_nobody_has_is_nobody(sleeper):
    sleeper.kill()
    sleeper.wait()
    assert identify(sleeper.pid) is None


def test_a_zombie_does_not_run(sleeper):
    process = identify(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(process)


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another boot"}])
def test_a_pid_used_again_is_left_alone(sleeper, change):
    recorded = dataclasses.replace(identify(sleeper.pid), **change)
    assert end(recorded, gently=signal.SIGTERM, seconds=1) is False
    assert sleeper.poll() is None


def test_a_process_is_ended_by_its_signal(sleeper):
    assert end(identify(sleeper.pid), gently=signal.SIGTERM, seconds=30) is True
    assert sleeper.wait() == -signal.SIGTERM


def test_a_stubborn_process_is_ended_by_force():
    with subprocess.Popen(STUBBORN, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert end(identify(process.pid), gently=signal.SIGTERM, seconds=0.2) is True
        assert process.wait() == -signal.SIGKILL


def test_waiting_for_the_living_ends(sleeper):
    assert wait_gone(identify(sleeper.pid), seconds=0.1) is False
