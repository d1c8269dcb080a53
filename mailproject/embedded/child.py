"""Starting a process so that it is never lost: recorded, tethered, in a session of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mailproject.embedded.account import Account
from mailproject.embedded.errors import ChildFailedError
from mailproject.embedded.folder import RunFolder

_TETHER = Path(__file__).with_name("tether.py")
_TAIL = 4096


class Child:
    """A running process of this run; its output goes to `log`."""

    def __init__(
        self,
        *,
        name: str,
        process: subprocess.Popen[bytes],
        log: Path,
        folder: RunFolder,
        gently: signal.Signals,
    ) -> None:
        self.name = name
        self.process = process
        self.log = log
        self._folder = folder
        self._gently = gently

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def tail(self) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read().decode("utf-8", "replace")

    def failed(self, what: str) -> ChildFailedError:
        return ChildFailedError(f"{self.name} {what}; the end of its log:\n{self.tail()}")

    def signal(self, number: signal.Signals | None = None) -> None:
        if not self.has_ended:
            self.process.send_signal(number or self._gently)

    def stop(self, *, seconds: float) -> int:
        """Ask the process to end, kill it after `seconds`; returns its exit status."""
        self.signal()
        return self.finish(seconds=seconds)

    def finish(self, *, seconds: float) -> int:
        """Wait for the process to end by itself, kill it after `seconds`; returns its status."""
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.forget(self.process.pid)
        return self.process.returncode


def start_child(
    *,
    folder: RunFolder,
    name: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    cwd: Path,
    account: Account | None = None,
    gently: signal.Signals = signal.SIGTERM,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start `argv` (its first item a path). Call it from the main thread: see tether.py.

    It gets a session of its own, so that Ctrl-C in the terminal reaches this process alone and the
    order of stopping is ours.
    """
    who = ("-", "-") if account is None else (str(account.uid), str(account.gid))
    tether = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), str(int(gently)), *who]
    with log.open("ab") as output:
        folder.own(log)
        process = subprocess.Popen(
            [*tether, *argv],
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    folder.record(name, process.pid, gently=gently)
    return Child(name=name, process=process, log=log, folder=folder, gently=gently)
