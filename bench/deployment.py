"""The service as it is deployed: the Procfile's processes on a database of their own."""

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg

from bench.mails import SENDER, Mail
from bench.servers import Servers
from bench.session import BenchError
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from mailproject.embedded.procfile import (
    STARTED,
    await_started,
    raise_if_ended,
    read_procfile,
    stop_processes,
)
from mailproject.embedded.stack import CHECKOUT

WEB = "web"
WORKERS = ("scheduler", "attempts")
CONSUMER = "consumer"
_COMMAND_SECONDS = 60.0
_PATIENCE_SECONDS = 180.0
_POLL_SECONDS = 0.25
_STOP_SECONDS = 15.0
_SENT = """
SELECT count(*) FILTER (WHERE status = 'sent'), count(finished_at),
    extract(epoch FROM max(finished_at))::float8
FROM mail.deliveries WHERE id > %s
"""


class Deployment:
    """A database, an environment, a folder of logs, and the processes that were started so far.

    `name` is the database's and the folder's.
    """

    def __init__(self, servers: Servers, name: str, variables: Mapping[str, str]) -> None:
        self._servers = servers
        self._name = name
        self._http = ReservedPort()  # until the web process is started
        self.http_port = self._http.number
        self.dsn = servers.make_database(name)
        self.children: list[Child] = []
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "MAIL_SECRET_KEY": secrets.token_hex(32),
            "MAIL_REDIS_MASTER_ADDR": servers.valkey.address,
            "MAIL_REDIS_PASSWORD": servers.valkey.password,
            "MAIL_POSTGRES_PRIMARY_DSN": self.dsn,
            "MAIL_INTERNAL_HTTP_ADDR": f"{LOOPBACK}:{self.http_port}",
            "MAIL_LOG_FORMAT": "json",
            **variables,
        }

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}"

    def manage(self, command: str, *options: str, **variables: str) -> None:
        """Run a command of manage.py to its end. Raises ChildFailedError."""
        argv = [sys.executable, "manage.py", command, *options]
        child = self._start_child(command, argv, variables)
        if child.finish(seconds=_COMMAND_SECONDS) != 0:
            raise child.failed("failed")

    def start(self, *names: str) -> None:
        """Start these process types at once and wait for their start lines."""
        commands = read_procfile(CHECKOUT / "Procfile")
        if WEB in names:
            self._http.release()
        begun = []
        for name in names:
            child = self._start_child(name, ["/bin/sh", "-c", f"exec {commands[name]}"])
            begun.append(child)
            self.children.append(child)
        await_started(begun, interruption=self._servers.interruption)

    def stop(self) -> list[Child]:
        """Returns the processes that did not end cleanly."""
        self._http.release()
        return stop_processes(self.children, seconds=_STOP_SECONDS)

    def _start_child(
        self, name: str, argv: Sequence[str], variables: Mapping[str, str] | None = None
    ) -> Child:
        return start_child(
            folder=self._servers.folder,
            name=name,
            argv=argv,
            environment={**self._environment, **(variables or {})},
            log=self._servers.folder.subfolder(self._name) / f"{name}.log",
            cwd=CHECKOUT,
        )

    def started_at(self, name: str) -> float:
        """When the process logged its start line, in Unix seconds."""
        child = next(child for child in self.children if child.name == name)
        for line in child.log.read_text("utf-8", "replace").splitlines():
            if line.startswith("{") and (entry := json.loads(line))["message"] == STARTED[name]:
                return datetime.fromisoformat(entry["timestamp"]).timestamp()
        raise child.failed("has no start line")

    def await_sent(self, count: int, *, after: int = 0) -> float:
        """The time of the last outcome of the deliveries whose keys are greater than `after`, in
        Unix seconds. Raises BenchError unless so many are sent.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            while True:
                raise_if_ended(self.children)
                row = connection.execute(_SENT, [after]).fetchone()
                assert row is not None
                sent, finished, last = row
                if sent == count:
                    return float(last)
                if finished >= count or time.monotonic() > deadline:
                    raise BenchError(f"{sent} of {count} were sent")
                self._servers.interruption.sleep(_POLL_SECONDS)


@contextmanager
def deploy(servers: Servers, name: str, variables: Mapping[str, str]) -> Iterator[Deployment]:
    """Raises ChildFailedError when a process does not end cleanly."""
    service = Deployment(servers, name, variables)
    try:
        yield service
    finally:
        unclean = service.stop()
    if unclean:
        raise unclean[0].failed(f"ended with exit status {unclean[0].process.returncode}")


def relay_at(port: int) -> dict[str, str]:
    """The variables of a service that sends to a relay of the bench."""
    return {
        "MAIL_SMTP_MODE": "smtp",
        "MAIL_SMTP_ADDR": f"{LOOPBACK}:{port}",
        "MAIL_SMTP_TLS": "none",
        "MAIL_SMTP_FROM_EMAIL": SENDER,
    }


def seconds_to_send(
    servers: Servers, name: str, variables: Mapping[str, str], mails: Sequence[Mail]
) -> float:
    """From the consumer's start line, with every command on the stream, to the last outcome."""
    with deploy(servers, name, variables) as service:
        service.manage("migrate")  # before the clock runs: a deployment does it once
        servers.fill_stream(mail.entry() for mail in mails)
        service.start(*WORKERS)
        service.start(CONSUMER)
        ended = service.await_sent(len(mails))
        return ended - service.started_at(CONSUMER)
