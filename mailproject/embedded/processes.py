"""Which process a pid means, and ending one that is not a child of ours. Linux: reads /proc."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for good: pids are used again, a pid with its start time and boot is not.

    `started` is in clock ticks since boot, field 22 of /proc/<pid>/stat (proc(5)).
    """

    pid: int
    started: int
    boot: str


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Identity | None:
    """Return who has the pid now, None when nobody has or only a zombie does."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the second field is the program's name in parentheses, which may hold anything
    state, *fields = stat[stat.rindex(")") + 2 :].split()
    if state in {"Z", "X"}:
        return None
    return Identity(pid=pid, started=int(fields[18]), boot=boot_id())


def is_running(process: Identity) -> bool:
    return identify(process.pid) == process


def wait_gone(process: Identity, *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def end(process: Identity, *, gently: signal.Signals, seconds: float) -> bool:
    """End the process, by force when it has not gone in time. Returns whether it was running.

    Raises PermissionError for another user's process.
    """
    if not is_running(process):
        return False
    for number, patience in ((gently, seconds), (signal.SIGKILL, 5.0)):
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return True
        if wait_gone(process, seconds=patience):
            return True
    raise TimeoutError(f"process {process.pid} outlived SIGKILL")
