"""One run at a time in a folder, and nothing of a killed one stays."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mailproject.embedded.account import Account
from mailproject.embedded.errors import FolderBusyError, FolderUnusableError
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.processes import identify
from mailproject.embedded.record import STATE
from mailproject.embedded.stack import hold_run_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes owners: root only")
SOMEBODY, SOMEBODY_ELSE = 12345, 12346


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def abandon(folder: RunFolder) -> None:
    """What a kill -9 does: the lock goes, the record stays."""
    os.close(folder._lock)


def test_the_folder_is_private_and_goes_when_nothing_is_kept(tmp_path):
    folder = RunFolder.hold(tmp_path / "run")
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    folder.subfolder("logs")
    folder.close()
    assert not (tmp_path / "run").exists()


def test_a_second_run_is_refused_and_told_who_holds_it(tmp_path):
    folder = RunFolder.hold(tmp_path / "run")
    with pytest.raises(FolderBusyError, match=f"process {os.getpid()}.*run"):
        RunFolder.hold(tmp_path / "run")
    folder.close()
    RunFolder.hold(tmp_path / "run").close()


def test_what_is_kept_stays_until_the_next_run(tmp_path):
    folder = RunFolder.hold(tmp_path / "run")
    (folder.subfolder("mail") / "1.eml").write_text("kept")
    folder.subfolder("logs")
    folder.close(keep=frozenset({"mail"}))
    assert (tmp_path / "run" / "mail" / "1.eml").read_text() == "kept"
    assert not (tmp_path / "run" / "logs").exists()
    again = RunFolder.hold(tmp_path / "run")
    assert not (tmp_path / "run" / "mail").exists()
    again.close()


def test_the_next_run_ends_and_removes_what_a_killed_one_left(tmp_path, sleeper):
    killed = RunFolder.hold(tmp_path / "run")
    killed.record("sleeper", sleeper.pid, gently=signal.SIGTERM)
    data = killed.server_data()
    (data / "file").write_text("data")
    abandon(killed)
    RunFolder.hold(tmp_path / "run").close()
    assert sleeper.wait() == -signal.SIGTERM
    assert not data.exists()


def test_a_process_that_was_seen_to_end_is_forgotten(tmp_path, sleeper):
    folder = RunFolder.hold(tmp_path / "run")
    folder.record("sleeper", sleeper.pid, gently=signal.SIGTERM)
    folder.forget(sleeper.pid)
    folder.close()
    assert sleeper.poll() is None


def test_a_recycled_pid_is_spared(tmp_path, sleeper):
    killed = RunFolder.hold(tmp_path / "run")
    killed.record("long gone", sleeper.pid, gently=signal.SIGTERM)
    state = json.loads((tmp_path / "run" / STATE).read_text())
    state["processes"][0]["process"]["started"] -= 1
    (tmp_path / "run" / STATE).write_text(json.dumps(state))
    abandon(killed)
    RunFolder.hold(tmp_path / "run").close()
    assert sleeper.poll() is None


def test_a_record_cannot_have_any_folder_removed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    abandon(RunFolder.hold(tmp_path / "run"))
    state = {"held_by": 1, "processes": [], "outside": [str(precious)]}
    (tmp_path / "run" / STATE).write_text(json.dumps(state))
    RunFolder.hold(tmp_path / "run").close()
    assert precious.exists()


def test_a_kill_before_the_first_record_is_no_obstacle(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / f"{STATE}.new").write_text("{")
    RunFolder.hold(tmp_path / "run").close()
    assert not (tmp_path / "run").exists()


def test_a_folder_of_other_files_is_left_as_it_is(tmp_path):
    other = tmp_path / "documents"
    other.mkdir(mode=0o755)
    (other / "letter").write_text("mine")
    before = other.stat().st_mode
    with pytest.raises(FolderUnusableError, match="not a run's"):
        RunFolder.hold(other)
    assert (other / "letter").read_text() == "mine"
    assert other.stat().st_mode == before
    with pytest.raises(FolderUnusableError):  # and the lock was let go: the same again, not "busy"
        RunFolder.hold(other)


@pytest.mark.parametrize("kind", ["file", "link", "missing parent"])
def test_what_cannot_be_a_folder_is_refused(tmp_path, kind):
    path = tmp_path / "run"
    if kind == "file":
        path.write_text("")
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path = tmp_path / "missing" / "run"
    with pytest.raises(FolderUnusableError):
        RunFolder.hold(path)


@needs_root
def test_roots_folder_belongs_to_the_owner_of_the_checkout(tmp_path):
    os.chown(tmp_path, SOMEBODY, SOMEBODY)
    folder = hold_run_folder(tmp_path)
    data = folder.server_data()
    assert folder.path == tmp_path / ".run"
    assert data.stat().st_uid not in {0, SOMEBODY}
    for path in (folder.path, folder.subfolder("mail"), folder.path / STATE):
        assert path.stat().st_uid == SOMEBODY
    folder.close(keep=frozenset({"mail"}))
    assert not data.exists()


@needs_root
def test_a_folder_of_another_user_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    os.chown(tmp_path / "run", SOMEBODY, SOMEBODY)
    with pytest.raises(FolderUnusableError, match=f"uid {SOMEBODY}"):
        RunFolder.hold(tmp_path / "run")


def test_an_unusable_checkout_gets_a_temporary_folder(tmp_path, monkeypatch):
    checkout, temporary = tmp_path / "checkout", tmp_path / "tmp"
    checkout.mkdir()
    temporary.mkdir()
    (checkout / ".run").write_text("in the way")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    folder = hold_run_folder(checkout)
    assert folder.path.parent == temporary
    folder.close()


def test_root_puts_data_only_where_every_account_can_enter(run_folder, monkeypatch):
    """The account here is our own: only root can give a folder to another."""
    own = Account(uid=os.geteuid(), gid=os.getegid())
    monkeypatch.setattr("mailproject.embedded.folder.server_account", lambda: own)
    data = run_folder.server_data()
    assert all(path.stat().st_mode & stat.S_IXOTH for path in data.parents)


def test_a_process_is_recorded_with_its_start_time(run_folder, sleeper):
    run_folder.record("sleeper", sleeper.pid, gently=signal.SIGINT)
    recorded = json.loads((run_folder.path / STATE).read_text())["processes"]
    assert recorded == [
        {
            "name": "sleeper",
            "process": {
                "pid": sleeper.pid,
                "started": identify(sleeper.pid).started,
                "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            },
            "gently": int(signal.SIGINT),
        }
    ]
