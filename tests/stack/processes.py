"""Real processes of the service for tests, always reaped."""

import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mailproject.embedded.child import Child, start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.procfile import STARTED as STARTED_BY_TYPE
from mailproject.embedded.procfile import read_procfile
from tests.stack.servers import CHECKOUT

_POLL = 0.02
# by the command of `manage.py`
STARTED = {
    command.split()[2]: STARTED_BY_TYPE[name]
    for name, command in read_procfile(CHECKOUT / "Procfile").items()
}


class ServiceProcess:
    """A `manage.py` process; what it writes on stdout and stderr is its log."""

    def __init__(self, child: Child) -> None:
        self._child = child

    @property
    def pid(self) -> int:
        return self._child.process.pid

    @property
    def has_ended(self) -> bool:
        return self._child.has_ended

    @property
    def output(self) -> str:
        return self._child.log.read_text("utf-8", "replace")

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The lines that are JSON objects, in order; a line still being written is left out."""
        complete = self.output.split("\n")[:-1]
        return [json.loads(line) for line in complete if line.startswith("{")]

    def logged(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.logs if line["message"] == message]

    def wait_for_log(
        self, message: str, *, count: int = 1, seconds: float = 30.0
    ) -> dict[str, Any]:
        """Return the `count`-th line with this message; fails when the process ends before."""
        deadline = time.monotonic() + seconds
        while True:
            ended = self._child.has_ended
            lines = self.logged(message)
            if len(lines) >= count:
                return lines[count - 1]
            if ended:
                raise self._child.failed(
                    f"ended with {self._child.process.returncode} without logging {message!r}"
                )
            if time.monotonic() > deadline:
                raise self._child.failed(f"did not log {message!r} within {seconds} s")
            time.sleep(_POLL)

    def wait_until_started(self) -> dict[str, Any]:
        """Return the line by which it says so."""
        return self.wait_for_log(STARTED[self._child.name])

    def signal(self, number: signal.Signals) -> None:
        self._child.signal(number)

    def wait(self, *, seconds: float = 30.0) -> int:
        """Return the exit status (negative: the signal that ended it); fails when it stays."""
        self._child.process.wait(timeout=seconds)
        return self._child.process.returncode

    def stop(self, *, seconds: float = 30.0) -> int:
        """SIGTERM, then the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds=seconds)

    def kill(self) -> None:
        """kill -9, and reap."""
        self.signal(signal.SIGKILL)
        self.wait()

    def reap(self) -> None:
        self._child.process.kill()
        self._child.finish(seconds=10.0)


class Service:
    """Starts processes of the service with the environment of the tests' servers."""

    def __init__(self, *, folder: RunFolder, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._folder = folder
        self._started: list[ServiceProcess] = []

    def start(
        self, *command: str, overrides: Mapping[str, str | None] | None = None
    ) -> ServiceProcess:
        """Run `manage.py` with these arguments; an override of None unsets the variable."""
        argv = [sys.executable, "manage.py", *command]
        return self.start_program(argv, name=command[0], overrides=overrides)

    def start_program(
        self,
        argv: Sequence[str],
        *,
        name: str,
        overrides: Mapping[str, str | None] | None = None,
    ) -> ServiceProcess:
        merged: dict[str, str | None] = {**self.environment, **(overrides or {})}
        number = sum(1 for _ in self._folder.subfolder("logs").iterdir())
        child = start_child(
            folder=self._folder,
            name=name,
            argv=argv,
            environment={key: value for key, value in merged.items() if value is not None},
            log=self._folder.subfolder("logs") / f"{number:04}-{name}.log",
            cwd=CHECKOUT,
        )
        process = ServiceProcess(child)
        self._started.append(process)
        return process

    def close(self) -> None:
        for process in self._started:
            process.reap()
