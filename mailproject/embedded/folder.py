"""The private folder of one run: its lock, its record, and the clean-up of what a killed run left.

A folder is locked (flock on the folder itself) while its run lives; the lock goes with the process,
however it ends. `state.json` holds every process that was started, with its start time, and every
folder made elsewhere. Whoever gets the lock and finds a record ends those processes and removes
what they left before doing anything else.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mailproject.embedded import processes
from mailproject.embedded.account import Account, server_account
from mailproject.embedded.errors import FolderBusyError, FolderUnusableError
from mailproject.embedded.processes import Identity

STATE = "state.json"
_OUTSIDE = re.compile(r"mail-service-data-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Record:
    """A process that was started, and the signal that ends it in order."""

    name: str
    process: Identity
    gently: signal.Signals


class RunFolder:
    """A folder that this process holds. Close it when everything recorded has ended."""

    def __init__(self, *, path: Path, lock: int, owner: tuple[int, int]) -> None:
        self.path = path
        self.data: Path | None = None
        self._lock = lock
        self._owner = owner
        self._records: list[Record] = []
        self._outside: list[Path] = []

    @classmethod
    def hold(cls, path: Path, *, owner: tuple[int, int] | None = None) -> Self:
        """Make the folder (mode 0700), lock it, and clean up after a run that was killed.

        `owner` is the uid and gid that root gives the folder and its files to. Raises
        FolderBusyError, FolderUnusableError.
        """
        lock = _lock(path, owner=owner)
        folder = cls(path=path, lock=lock, owner=owner or (os.geteuid(), os.getegid()))
        folder._clean()
        folder._write()
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
        path = _open_to_all() / f"mail-service-data-{secrets.token_hex(8)}"
        self._outside.append(path)
        self._write()
        path.mkdir(mode=0o700)
        account.give(path)
        return path

    def record(self, name: str, pid: int, *, gently: signal.Signals) -> None:
        process = processes.identify(pid)
        if process is not None:
            self._records.append(Record(name=name, process=process, gently=gently))
            self._write()

    def forget(self, pid: int) -> None:
        self._records = [record for record in self._records if record.process.pid != pid]
        self._write()

    def close(self, *, keep: frozenset[str] = frozenset()) -> None:
        """End what is still recorded, remove everything but the names in `keep`, unlock.

        With nothing to keep, the folder itself goes too.
        """
        self._end_recorded()
        self._remove_contents(keep=keep)
        if not any(self.path.iterdir()):
            self.path.rmdir()
        os.close(self._lock)

    def _clean(self) -> None:
        self._read()
        self._end_recorded()
        self._remove_contents(keep=frozenset())

    def _end_recorded(self) -> None:
        for record in reversed(self._records):
            try:
                processes.end(record.process, gently=record.gently, seconds=10.0)
            except PermissionError:
                raise FolderUnusableError(
                    f"{record.name} (process {record.process.pid}), left by a run that was "
                    f"killed, belongs to another user; end it first: kill {record.process.pid}"
                ) from None
        self._records = []

    def _remove_contents(self, *, keep: frozenset[str]) -> None:
        for path in self._outside:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
        self._outside = []
        self.data = None
        # the record goes last: a kill in the middle leaves it for the next run
        names = sorted({path.name for path in self.path.iterdir()} - keep - {STATE})
        for path in [*(self.path / name for name in names), self.path / STATE]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            text = (self.path / STATE).read_text()
        except FileNotFoundError:
            return
        content = json.loads(text)
        self._records = [_record(item) for item in content["processes"]]
        self._outside = [
            path for path in map(Path, content["outside"]) if _OUTSIDE.fullmatch(path.name)
        ]

    def _write(self) -> None:
        content = {
            "held_by": os.getpid(),
            "processes": [asdict(record) for record in self._records],
            "outside": [str(path) for path in self._outside],
        }
        fresh = self.path / f"{STATE}.new"
        fresh.write_text(json.dumps(content, indent=1))
        self.own(fresh).replace(self.path / STATE)


def _record(item: dict[str, Any]) -> Record:
    return Record(
        name=item["name"],
        process=Identity(**item["process"]),
        gently=signal.Signals(item["gently"]),
    )


def _lock(path: Path, *, owner: tuple[int, int] | None) -> int:
    while True:
        try:
            path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise FolderUnusableError(f"{path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise FolderBusyError(_busy(path)) from None
        # whoever held it may have removed it before letting go
        held = os.fstat(descriptor)
        try:
            current = path.lstat()
        except FileNotFoundError:
            os.close(descriptor)
            continue
        if (held.st_dev, held.st_ino) != (current.st_dev, current.st_ino):
            os.close(descriptor)
            continue
        _make_private(path, descriptor, owner=owner)
        return descriptor


def _make_private(path: Path, descriptor: int, *, owner: tuple[int, int] | None) -> None:
    me = os.geteuid()
    found = os.fstat(descriptor)
    if me == 0 and owner is not None and found.st_uid in {0, owner[0]}:
        os.fchown(descriptor, *owner)
    elif found.st_uid != me:
        os.close(descriptor)
        raise FolderUnusableError(f"{path}: belongs to uid {found.st_uid}")
    os.fchmod(descriptor, 0o700)


def _busy(path: Path) -> str:
    try:
        holder = json.loads((path / STATE).read_text())["held_by"]
    except (OSError, ValueError, KeyError):
        return f"another run holds {path}"
    return f"another run (process {holder}) holds {path}"


def _open_to_all() -> Path:
    """Return a folder for temporary data that any account can enter, on a disk if there is one."""
    for path in map(Path, ("/var/tmp", tempfile.gettempdir(), "/tmp")):  # noqa: S108
        real = path.resolve()
        if real.is_dir() and all(
            folder.stat().st_mode & stat.S_IXOTH for folder in (real, *real.parents)
        ):
            return real
    raise FolderUnusableError("no folder for temporary data that an unprivileged account can enter")
