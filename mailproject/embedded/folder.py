"""The private folder of one run: its lock, its record, and the clean-up of what a killed run left.

A folder is locked (flock on the folder itself) while its run lives; the lock goes with the process,
however it ends. The record in it holds every process that was started, with its start time, and
every folder made elsewhere. Whoever gets the lock and finds a record ends those processes and
removes what they left before doing anything else.
"""

import fcntl
import os
import secrets
import shutil
import signal
import stat
import tempfile
from pathlib import Path
from typing import Self

from mailproject.embedded import processes
from mailproject.embedded.account import Account, server_account
from mailproject.embedded.errors import (
    EmbeddedError,
    FolderBusyError,
    FolderUnusableError,
    LeftOverError,
)
from mailproject.embedded.record import (
    DATA_PREFIX,
    STATE,
    RunRecord,
    Started,
    holder,
    marks_a_run,
)

_END_SECONDS = 15.0


class RunFolder:
    """A folder that this process holds. Close it when everything recorded has ended."""

    def __init__(self, *, path: Path, lock: int, owner: tuple[int, int]) -> None:
        self.path = path
        self.data: Path | None = None
        self._lock = lock
        self._owner = owner
        self._record = RunRecord()

    @classmethod
    def hold(cls, path: Path, *, owner: tuple[int, int] | None = None) -> Self:
        """Make the folder (mode 0700), lock it, and clean up after a run that was killed.

        `owner` is the uid and gid that root gives the folder and its files to. Raises
        FolderBusyError, FolderUnusableError, LeftOverError.
        """
        lock = _lock(path)
        try:
            _make_private(path, lock, owner=owner)
            folder = cls(path=path, lock=lock, owner=owner or (os.geteuid(), os.getegid()))
            folder._clean()
        except EmbeddedError:
            os.close(lock)
            raise
        return folder

    def own(self, path: Path) -> Path:
        """Give what root made in this folder to the folder's owner."""
        if os.geteuid() == 0:
            os.chown(path, *self._owner)
        return path

    def subfolder(self, name: str) -> Path:
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        return self.own(path)

    def server_data(self) -> Path:
        """Return where servers keep their data; it is removed when the folder is closed.

        For root that is outside: an unprivileged account cannot enter a private folder.
        """
        if self.data is None:
            account = server_account()
            if account is None:
                self.data = self.subfolder("data")
            else:
                self.data = self._data_outside(account)
        return self.data

    def _data_outside(self, account: Account) -> Path:
        path = _open_to_all() / f"{DATA_PREFIX}{secrets.token_hex(8)}"
        self._record.outside.append(path)
        self._save()
        path.mkdir(mode=0o700)
        account.give(path)
        return path

    def record(self, name: str, pid: int, *, gently: signal.Signals) -> None:
        process = processes.identify(pid)
        if process is not None:
            self._record.processes.append(Started(name=name, process=process, gently=gently))
            self._save()

    def forget(self, pid: int) -> None:
        left = [started for started in self._record.processes if started.process.pid != pid]
        self._record.processes = left
        self._save()

    def close(self, *, keep: frozenset[str] = frozenset()) -> None:
        """End what is still recorded, remove everything but the names in `keep`, unlock.

        With nothing kept, the folder itself goes too.
        """
        self._end_recorded()
        self._remove_contents(keep=keep)
        if not self._record.outside and {path.name for path in self.path.iterdir()} == {STATE}:
            (self.path / STATE).unlink()
            self.path.rmdir()
        os.close(self._lock)

    def _clean(self) -> None:
        self._record = RunRecord.load(self.path)
        self._end_recorded()
        self._remove_contents(keep=frozenset())

    def _end_recorded(self) -> None:
        for started in reversed(self._record.processes):
            process = started.process
            try:
                processes.end(process, gently=started.gently, seconds=_END_SECONDS)
            except PermissionError:
                # its starter is dead, so it has been told to end: see tether.py
                if processes.wait_gone(process, seconds=_END_SECONDS):
                    continue
                raise LeftOverError(
                    f"{started.name} (process {process.pid}), left by a run that was killed, "
                    f"belongs to another user; end it first: kill {process.pid}"
                ) from None
        self._record.processes = []

    def _remove_contents(self, *, keep: frozenset[str]) -> None:
        self._record.outside = [path for path in self._record.outside if not _removed(path)]
        self.data = None
        names = sorted({path.name for path in self.path.iterdir()} - keep - {STATE})
        for path in (self.path / name for name in names):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self._save()

    def _save(self) -> None:
        self._record.save(self.path, own=self.own)


def _removed(path: Path) -> bool:
    """Remove a folder; False when it is another user's: it stays on record for that user."""
    if not path.is_dir() or path.is_symlink():
        return True
    try:
        shutil.rmtree(path)
    except PermissionError:
        return False
    return True


def _lock(path: Path) -> int:
    """Return a descriptor that holds the lock for as long as it is open."""
    while True:
        descriptor = _made(path)
        if descriptor is None:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise FolderBusyError(_busy(path)) from None
        # whoever held it may have removed it before letting go
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)


def _made(path: Path) -> int | None:
    """Make the folder and open it; None when it was removed in between."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise FolderUnusableError(f"{path}: {error.strerror}") from None
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FolderUnusableError(f"{path}: {error.strerror}") from None


def _is_at(path: Path, descriptor: int) -> bool:
    held = os.fstat(descriptor)
    try:
        current = path.lstat()
    except FileNotFoundError:
        return False
    return (held.st_dev, held.st_ino) == (current.st_dev, current.st_ino)


def _make_private(path: Path, descriptor: int, *, owner: tuple[int, int] | None) -> None:
    """Take over the folder; a folder that no run made is left as it is."""
    found = os.fstat(descriptor).st_uid
    me = os.geteuid()
    ours = {me} if owner is None or me != 0 else {me, owner[0]}
    if found not in ours:
        raise FolderUnusableError(f"{path}: belongs to uid {found}")
    if not marks_a_run(path):
        raise FolderUnusableError(f"{path}: holds files that are not a run's")
    if me == 0 and owner is not None:
        os.fchown(descriptor, *owner)
    os.fchmod(descriptor, 0o700)


def _busy(path: Path) -> str:
    pid = holder(path)
    run = "another run" if pid is None else f"another run (process {pid})"
    return f"{run} holds {path}"


def _open_to_all() -> Path:
    """Return a folder for temporary data that any account can enter, on a disk if there is one."""
    for path in map(Path, ("/var/tmp", tempfile.gettempdir(), "/tmp")):  # noqa: S108 - only looked for
        real = path.resolve()
        if real.is_dir() and all(
            folder.stat().st_mode & stat.S_IXOTH for folder in (real, *real.parents)
        ):
            return real
    raise FolderUnusableError("no folder for temporary data that an unprivileged account can enter")
