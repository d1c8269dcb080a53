"""What the tests of this folder have in hand: real processes, a relay, the stream, the database."""

import http.client
import json
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import redis
from django.conf import settings

from deliveries.crash import Point
from deliveries.models import Attempt, Delivery, StreamCursor
from deliveries.states import TERMINAL
from mailproject.embedded.ports import ReservedPort
from tests.malformed_examples import PAYLOAD, fields
from tests.relay.script import Script
from tests.relay.scripted import ScriptedRelay
from tests.stack.processes import Service, ServiceProcess
from tests.stack.servers import CHECKOUT
from tests.stack.waiting import wait_until

WORKERS = ("consume_commands", "run_scheduler", "run_attempts")  # they send what is on the stream
LEASE_SECONDS = 3.0
_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE | re.IGNORECASE)

ENVIRONMENT = {
    "MAIL_SMTP_TLS": "none",
    "MAIL_SMTP_TIMEOUT": "20s",
    "MAIL_WORKER_LEASE": "3s",
    "MAIL_RETRY_LADDER": "200ms,200ms,200ms,200ms,200ms",
    "MAIL_SHUTDOWN_TIMEOUT": "4s",
    "MAIL_ATTEMPT_WORKER_CONCURRENCY": "4",
}


class World:
    """`environment` is what every process is started with, besides the tests' servers."""

    def __init__(self, *, service: Service, client: redis.Redis, relay: ScriptedRelay) -> None:
        self.service = service
        self.client = client
        self.relay = relay
        self.environment = {**ENVIRONMENT, "MAIL_SMTP_ADDR": f"{relay.host}:{relay.port}"}
        self.stream = settings.MAIL.redis_command_stream

    def publish(self, *numbers: int, **payload) -> list[str]:
        """Put commands on the stream; return the ids of their entries."""
        return [
            self.client.xadd(self.stream, fields(number, payload={**PAYLOAD, **payload})).decode()
            for number in numbers
        ]

    def start(self, *commands: str, **overrides: str) -> list[ServiceProcess]:
        """Started, and past their start line."""
        started = [
            self.service.start(command, overrides={**self.environment, **overrides})
            for command in commands
        ]
        for process in started:
            process.wait_until_started()
        return started

    def arm(
        self,
        command: str,
        point: Point,
        *,
        turn: int = 1,
        number: signal.Signals = signal.SIGKILL,
        **overrides: str,
    ) -> ServiceProcess:
        """A process that gets `number` when it reaches `point` for the `turn`-th time."""
        return self.service.start_program(
            [sys.executable, "-m", "tests.surviving.armed", command],
            name=command,
            overrides={
                **self.environment,
                **overrides,
                "CRASH_POINT": point,
                "CRASH_TURN": str(turn),
                "CRASH_SIGNAL": number.name,
            },
        )

    def arm_web(self, point: Point, *, once: Path) -> tuple[ServiceProcess, int]:
        """A web process, one of whose workers dies at `point`, once; and its port."""
        with ReservedPort() as reserved:
            port = reserved.number
        web = self.service.start(
            "serve",
            overrides={
                **self.environment,
                "MAIL_INTERNAL_HTTP_ADDR": f"127.0.0.1:{port}",
                "MAIL_INTERNAL_HTTP_WORKERS": "1",
                "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{CHECKOUT}/tests/surviving/armed_site",
                "CRASH_POINT": point,
                "CRASH_ONCE": str(once),
            },
        )
        web.wait_until_started()
        return web, port

    def die(self, command: str, point: Point, **overrides: str) -> None:
        """Start a process and see it die at `point`."""
        process = self.arm(command, point, **overrides)
        assert process.wait(seconds=60) == -signal.SIGKILL, process.output

    def go_on(self) -> None:
        """A new process of each type; everything that was accepted comes to its end."""
        self.start(*WORKERS)
        self.settle()

    def settle(self, *, seconds: float = 60.0) -> None:
        wait_until(self.is_settled, seconds=seconds)

    def is_settled(self) -> bool:
        """Whether the stream is read to its end, and every delivery has ended."""
        last = self.client.xinfo_stream(self.stream)["last-generated-id"].decode()
        cursor = StreamCursor.objects.filter(last_entry_id=last).exists()
        return cursor and not Delivery.objects.exclude(status__in=TERMINAL).exists()

    @property
    def statuses(self) -> dict[str, str]:
        return dict(Delivery.objects.values_list("delivery_id", "status"))

    @property
    def offset(self) -> str | None:
        raw = self.client.get(settings.MAIL.redis_offset_key)
        return raw.decode() if raw else None

    @property
    def cursor(self) -> StreamCursor | None:
        return StreamCursor.objects.first()

    @property
    def copies(self) -> dict[str, int]:
        """How often the relay took each delivery's mail, by delivery id."""
        taken = Counter(_MESSAGE_ID.search(m.content)[1].decode() for m in self.relay.messages)
        known = Delivery.objects.values_list("delivery_id", "message_id")
        copies = {delivery_id: taken.pop(message_id, 0) for delivery_id, message_id in known}
        assert not taken, "the relay has mail that nobody knows of"
        return copies

    @property
    def unknown(self) -> dict[str, int]:
        """How many unknown outcomes are on record, by delivery id."""
        found = Counter(
            Attempt.objects.filter(outcome_unknown=True).values_list(
                "delivery__delivery_id", flat=True
            )
        )
        return {delivery_id: found[delivery_id] for delivery_id in self.statuses}


def relay_of(script: Script | None = None) -> ScriptedRelay:
    return ScriptedRelay(script or {})


def post_login_code(port: int, *, key: str) -> str | None:
    """Ask for a login code to be sent; its delivery's id, None when there was no answer."""
    body = json.dumps({"email": "ada@example.org", "code": "123456", "locale": "en"})
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        caller.request(
            "POST",
            "/api/v1/internal/login-code-deliveries",
            body,
            {"Content-Type": "application/json", "Idempotency-Key": key},
        )
        answer = caller.getresponse()
        told = json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        caller.close()
    if answer.status in {500, 503}:
        return None
    assert answer.status == 202, told
    delivery_id: str = told["delivery_id"]
    return delivery_id
