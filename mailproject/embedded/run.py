"""`make run`: the same stack, up until Ctrl-C, with the processes' logs in the terminal."""

import os
import secrets
import sys
from pathlib import Path
from typing import BinaryIO

from mailproject.embedded.child import Child, start_child
from mailproject.embedded.errors import EmbeddedError
from mailproject.embedded.interruption import Interrupted, Interruption
from mailproject.embedded.procfile import raise_if_ended
from mailproject.embedded.stack import CHECKOUT, LOGS, MAIL, Stack
from mailproject.embedded.terminal import relative, tell

OPERATOR = "operator"
_OPERATOR_SECONDS = 60.0
_EXPORT_MS = "2000"


def run(folder: Path | None, *, otlp: str | None = None) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit status.

    `otlp` is the URL of a collector; without one nothing is exported.
    """
    interruption = Interruption()
    stack = Stack(folder, interruption=interruption, tell=tell)
    failed = False
    try:
        stack.start(log_format="console", more={"MAIL_ADMIN_ENABLED": "true", **exporting(otlp)})
        tell(_how_to_reach(stack, password=make_operator(stack)))
        with Followed(stack.processes) as followed:
            while True:
                followed.show()
                raise_if_ended(stack.processes)
                interruption.sleep(0.2)
    except (Interrupted, KeyboardInterrupt):
        tell("asked to end; stopping")
    except EmbeddedError as error:
        tell(f"PROBLEM: {error}")
        failed = True
    finally:
        stack.close(keep=frozenset({MAIL}))
    for child in stack.unclean:
        tell(f"PROBLEM: {child.name} ended with exit status {child.process.returncode}")
    return 1 if failed or stack.unclean else 0


def exporting(otlp: str | None) -> dict[str, str]:
    """What makes the processes export to a collector, often enough for somebody who watches."""
    if otlp is None:
        return {}
    return {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OTEL_METRIC_EXPORT_INTERVAL": _EXPORT_MS,
    }


class Followed:
    """The processes' logs, shown as they grow, each line under its process's name."""

    def __init__(self, children: list[Child]) -> None:
        self._width = max(len(child.name) for child in children)
        self._children = children
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> "Followed":
        for child in self._children:
            self._files[child.name] = child.log.open("rb")
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def show(self) -> None:
        """Print the whole lines that came since the last call."""
        for name, file in self._files.items():
            start = file.tell()
            fresh = file.read()
            complete = fresh[: fresh.rfind(b"\n") + 1]
            file.seek(start + len(complete), os.SEEK_SET)
            for line in complete.decode("utf-8", "replace").splitlines():
                tell(f"{name.ljust(self._width)} | {line}")


def make_operator(stack: Stack) -> str:
    """Make the admin's user of this run; returns the password. Raises EmbeddedError."""
    password = secrets.token_urlsafe(12)
    child = start_child(
        folder=stack.folder,
        name="createsuperuser",
        argv=[
            *(sys.executable, "manage.py", "createsuperuser", "--noinput"),
            *("--username", OPERATOR, "--email", "operator@example.com"),
        ],
        environment={**stack.environment, "DJANGO_SUPERUSER_PASSWORD": password},
        log=stack.folder.subfolder(LOGS) / "createsuperuser.log",
        cwd=CHECKOUT,
    )
    if child.finish(seconds=_OPERATOR_SECONDS) != 0:
        raise child.failed("made no user for the admin")
    return password


def _how_to_reach(stack: Stack, *, password: str) -> str:
    environment = relative(stack.write_environment())
    mail = relative(stack.folder.path / MAIL)
    site = f"http://{stack.environment['MAIL_INTERNAL_HTTP_ADDR']}"
    api = f"{site}/api/v1/internal/"
    return f"""
Everything runs. Nothing is sent outside: every mail ends in the catcher's folder.

  internal HTTP API    {api}
  admin                {site}/admin/    (user {OPERATOR}, password {password})
  mail as it comes     {mail}/  (one .eml per mail, index.jsonl about all)
  logs                 {relative(stack.folder.path / "logs")}/
  its configuration    . {environment}    (in another shell, for manage.py and your clients)

  e.g.                 . {environment} && python manage.py dbshell
                       curl {api}deliveries

Ctrl-C ends it, and the data with it.
"""
