"""What a run has started and made, kept in its folder for the run after a kill."""

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from mailproject.embedded.processes import Identity

STATE = "state.json"
UNFINISHED = f"{STATE}.new"
DATA_PREFIX = "mail-service-data-"
_DATA = re.compile(re.escape(DATA_PREFIX) + "[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and the signal that ends it in order."""

    name: str
    process: Identity
    gently: signal.Signals


@dataclass(slots=True)
class RunRecord:
    """The processes in the order of their start; the folders made outside the run's own."""

    processes: list[Started] = field(default_factory=list)
    outside: list[Path] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the folder's record; an empty one where there is none.

        Folders outside that are not named as a run names them are not believed in: they would be
        removed.
        """
        try:
            content = json.loads((folder / STATE).read_text())
        except FileNotFoundError:
            return cls()
        paths = map(Path, content["outside"])
        return cls(
            processes=[_started(item) for item in content["processes"]],
            outside=[path for path in paths if _DATA.fullmatch(path.name)],
        )

    def save(self, folder: Path, *, own: Callable[[Path], Path]) -> None:
        """Write it whole or not at all."""
        content = {
            "held_by": os.getpid(),
            "processes": [asdict(started) for started in self.processes],
            "outside": [str(path) for path in self.outside],
        }
        unfinished = folder / UNFINISHED
        unfinished.write_text(json.dumps(content, indent=1))
        own(unfinished).replace(folder / STATE)


def marks_a_run(folder: Path) -> bool:
    """Whether a folder is a run's, or so empty that it may become one."""
    names = {path.name for path in folder.iterdir()}
    return STATE in names or names <= {UNFINISHED}


def holder(folder: Path) -> int | None:
    """Return the pid of the run that holds the folder, where it can be read."""
    try:
        pid = json.loads((folder / STATE).read_text())["held_by"]
    except (OSError, ValueError, KeyError):
        return None
    return int(pid)


def _started(item: dict[str, Any]) -> Started:
    return Started(
        name=item["name"],
        process=Identity(**item["process"]),
        gently=signal.Signals(item["gently"]),
    )
