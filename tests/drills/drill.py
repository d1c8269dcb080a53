"""One drill: the stack that an incident befalls, and what an operator has in hand."""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import connection

from deliveries.models import Delivery
from tests import runbook
from tests.collector.collector import Collector
from tests.malformed_examples import fields
from tests.relay.script import Script
from tests.relay.scripted import ScriptedRelay
from tests.stack.processes import Service, ServiceProcess
from tests.stack.waiting import wait_until

EVERYBODY = ("consume_commands", "run_scheduler", "run_attempts")
_QUICK = {
    "MAIL_SMTP_TLS": "none",
    "MAIL_ATTEMPT_WORKER_CONCURRENCY": "4",
    "MAIL_WORKER_LEASE": "3s",
    "MAIL_RETRY_LADDER": "300ms,600ms",
    "MAIL_SHUTDOWN_TIMEOUT": "4s",
}


@dataclass
class Drill:
    """`environment` is what every process and every command gets; a drill may change it."""

    service: Service
    redis: redis.Redis
    collector: Collector
    stack: ExitStack
    environment: dict[str, str | None] = field(default_factory=dict)
    processes: dict[str, ServiceProcess] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment.update(_QUICK | self.collector.environment)

    # the stack

    def relay(self, script: Script | None = None, **parts: Any) -> ScriptedRelay:
        """A relay that all processes started from now on use. Its script may be changed."""
        relay = self.stack.enter_context(ScriptedRelay(script, **parts))
        self.environment["MAIL_SMTP_ADDR"] = f"127.0.0.1:{relay.port}"
        return relay

    def start(self, *commands: str, **changes: str | None) -> ServiceProcess:
        """Start processes, all three by default; the last one started is returned."""
        for command in commands or EVERYBODY:
            process = self.service.start(command, overrides={**self.environment, **changes})
            process.wait_until_started()
            self.processes[command] = process
        return process

    def stop(self, command: str) -> None:
        assert self.processes.pop(command).stop() == 0

    def restart(self, command: str, **changes: str | None) -> None:
        self.environment.update(changes)
        self.stop(command)
        self.start(command)

    def publish(self, *numbers: Any, age: float = 0.0, **changes: Any) -> None:
        """Commands on the stream; with an age they lie there since so many seconds ago."""
        stream = settings.MAIL.redis_command_stream
        for place, number in enumerate(numbers):
            entry_id = f"{int((time.time() - age) * 1000)}-{place}" if age else "*"
            self.redis.xadd(stream, fields(number, **changes), id=entry_id)

    # what there is to see

    @property
    def statuses(self) -> dict[str, str]:
        return dict(Delivery.objects.values_list("delivery_id", "status"))

    def wait_for_statuses(self, **expected: int) -> None:
        def as_expected() -> bool:
            found = list(self.statuses.values())
            return all(found.count(status) == count for status, count in expected.items())

        wait_until(as_expected)

    def wait_for_log(self, command: str, message: str) -> dict[str, Any]:
        return self.processes[command].wait_for_log(message)

    def wait_for_metric(self, name: str, *, least: float = 1, **labels: str) -> None:
        self.collector.wait_for(lambda: (self.collector.value(name, **labels) or 0) >= least)

    def wait_for_gauge(self, name: str, *, least: float) -> None:
        since = time.monotonic()
        self.collector.wait_for(
            lambda: any(v >= least for v in self.collector.gauge_values(name, since=since))
        )

    def doctor(self, *only: str) -> Mapping[str, str]:
        """The level of each check."""
        arguments = [part for name in only for part in ("--only", name)]
        process = self.run("doctor", "--json", *arguments, statuses={0, 1})
        found = json.loads(process.output.splitlines()[-1])
        return {check["id"]: check["level"] for check in found["checks"]}

    # what an operator does

    def run(self, *argv: str, statuses: frozenset[int] = frozenset({0})) -> ServiceProcess:
        """One command to its end."""
        process = self.service.start(*argv, overrides=self.environment)
        status = process.wait(seconds=60.0)
        assert status in statuses, f"{' '.join(argv)} ended with {status}:\n{process.output}"
        assert "Traceback" not in process.output
        return process

    def look(self, title: str, **words: str) -> dict[str, str]:
        """Make the checks of an incident as the runbook has them; what each command said."""
        seen = {}
        for argv in runbook.commands(runbook.incidents()[title].checks, **words):
            # a check may find the incident, and say so by its status
            seen[" ".join(argv)] = self.run(*argv, statuses={0, 1, 69}).output
        return seen

    def query(self, title: str) -> list[tuple[Any, ...]]:
        """The rows of the query among an incident's checks."""
        (block,) = runbook.blocks("sql", runbook.incidents()[title].checks)
        with connection.cursor() as cursor:
            cursor.execute(block)
            return cursor.fetchall()

    def remedy_commands(self, title: str, **words: str) -> list[list[str]]:
        return runbook.commands(runbook.incidents()[title].remedy, **words)

    def remedy(self, title: str, **words: str) -> dict[str, str]:
        """What the runbook says ends it: processes are started, commands run to their end."""
        said = {}
        for argv in self.remedy_commands(title, **words):
            if argv[0] in {*EVERYBODY, "serve"}:
                self.start(argv[0])
            else:
                statuses = {0, 1} if argv[0] == "doctor" else {0}
                said[" ".join(argv)] = self.run(*argv, statuses=statuses).output
        return said


def long_ago(minutes: float = 10) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)
