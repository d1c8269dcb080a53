"""The Procfile's processes, run as a deployment would run them.

honcho reads the file; the processes are started by `child.py`, not by honcho's manager, which kills
what has not ended after 5 s, less than the service's own time to shut down, and starts them where
the record of this run does not see them.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from honcho.environ import parse_procfile

from mailproject.embedded.child import Child, start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interruption

STARTED = {
    "web": "internal HTTP listener started",
    "consumer": "command consumer started",
    "scheduler": "scheduler started",
    "attempts": "attempt worker pool started",
    "prune": "SQL retention worker started",
}
_START_SECONDS = 60.0


def read_procfile(path: Path) -> dict[str, str]:
    """Return the command of each process type, in the file's order."""
    return dict(parse_procfile(path.read_text()).processes)


def start_processes(
    *, folder: RunFolder, checkout: Path, environment: Mapping[str, str]
) -> list[Child]:
    """Start one process of each type, in a shell that becomes it, on this interpreter's PATH."""
    path = f"{Path(sys.executable).parent}:{environment.get('PATH', '/usr/bin:/bin')}"
    return [
        start_child(
            folder=folder,
            name=name,
            argv=["/bin/sh", "-c", f"exec {command}"],
            environment={**environment, "PATH": path},
            log=folder.subfolder("logs") / f"{name}.log",
            cwd=checkout,
        )
        for name, command in read_procfile(checkout / "Procfile").items()
    ]


def await_started(children: list[Child], *, interruption: Interruption) -> None:
    """Wait for the start line of each; raises ChildFailedError."""
    deadline = time.monotonic() + _START_SECONDS
    waiting = list(children)
    while waiting:
        raise_if_ended(children)
        waiting = [child for child in waiting if not _has_started(child)]
        if waiting and time.monotonic() > deadline:
            raise waiting[0].failed(f"did not start within {_START_SECONDS:.0f} s")
        interruption.sleep(0.05)


def raise_if_ended(children: list[Child]) -> None:
    for child in children:
        if child.has_ended:
            raise child.failed(f"ended with exit status {child.process.returncode}")


def stop_processes(children: list[Child], *, seconds: float) -> list[Child]:
    """SIGTERM to all at once; returns those that did not end with 0 in time."""
    for child in children:
        child.signal()
    deadline = time.monotonic() + seconds
    statuses = [child.finish(seconds=max(0.0, deadline - time.monotonic())) for child in children]
    return [child for child, status in zip(children, statuses, strict=True) if status != 0]


def _has_started(child: Child) -> bool:
    wanted = STARTED[child.name]
    with child.log.open(encoding="utf-8", errors="replace") as log:
        return any(_message(line) == wanted for line in log)


def _message(line: str) -> str | None:
    """Return the message of a log line in either of the service's formats."""
    if not line.startswith("{"):
        return next((message for message in STARTED.values() if message in line), None)
    try:
        message = json.loads(line).get("message")
    except ValueError:  # a line still being written
        return None
    return message if isinstance(message, str) else None
