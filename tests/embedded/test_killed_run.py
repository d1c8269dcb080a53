"""kill -9 of a run with real servers: the next one finds nothing of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailproject.embedded.child import start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.processes import Identity, identify, is_running, wait_gone
from mailproject.embedded.record import RunRecord
from tests.stack.servers import CHECKOUT

# The servers end with their starter (tether.py); what does not is `untethered`: for it, as for a
# server that the signal did not reach, the record is all that the next run has.
RUN = """
import signal, subprocess, sys, time
from pathlib import Path
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.postgres import start_postgres
from mailproject.embedded.valkey import start_valkey

folder = RunFolder.hold(Path(sys.argv[1]))
start_postgres(folder=folder)
start_valkey(folder=folder)
untethered = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
)
folder.record("untethered", untethered.pid, gently=signal.SIGTERM)
print("up", flush=True)
time.sleep(600)
"""
STARTER = """
import os, sys, time
from pathlib import Path
from mailproject.embedded.child import start_child
from mailproject.embedded.folder import RunFolder

folder = RunFolder.hold(Path(sys.argv[1]))
child = start_child(
    folder=folder, name="sleep", argv=["/bin/sleep", "600"], environment={},
    log=folder.path / "log", cwd=Path("/"),
)
print(child.process.pid, flush=True)
time.sleep(600)
"""


def run_script(script: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.process
def test_the_next_run_cleans_up(tmp_path):
    path = tmp_path / "run"
    with run_script(RUN, path) as killed:
        assert killed.stdout.readline() == "up\n"
        record = RunRecord.load(path)
        data = [*record.outside, path / "data"][0]
        assert data.exists()
        assert [started.name for started in record.processes] == [
            "postgres",
            "valkey",
            "untethered",
        ]
        killed.kill()
        killed.wait()
    assert is_running(record.processes[-1].process)

    RunFolder.hold(path).close()

    assert not any(is_running(started.process) for started in record.processes)
    assert not data.exists()
    assert not path.exists()


@pytest.mark.process
def test_a_child_ends_with_the_process_that_started_it(tmp_path):
    with run_script(STARTER, tmp_path / "run") as starter:
        child = identify(int(starter.stdout.readline()))
        starter.kill()
        starter.wait()
    assert isinstance(child, Identity)
    assert wait_gone(child, seconds=30)


def test_a_child_has_a_session_of_its_own_and_the_environment_it_is_given(run_folder, monkeypatch):
    monkeypatch.setenv("LEAKED", "1")
    child = start_child(
        folder=run_folder,
        name="sh",
        argv=["/bin/sh", "-c", "echo ${LEAKED-nothing} $GIVEN; exec sleep 600"],
        environment={"GIVEN": "this"},
        log=run_folder.path / "sh.log",
        cwd=Path("/"),
    )
    deadline = time.monotonic() + 30
    while "\n" not in child.tail() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.tail() == "nothing this\n"
    assert os.getsid(child.process.pid) == child.process.pid
    assert child.stop(seconds=30) == -signal.SIGTERM
    assert RunRecord.load(run_folder.path).processes == []
