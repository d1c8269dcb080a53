"""The API through HTTP: one running `manage.py serve`, and rows put where it finds them."""

import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from mailproject.embedded.ports import LOOPBACK, ReservedPort
from tests.listing.conftest import deliver
from tests.stack.processes import Service, ServiceProcess

__all__ = ["deliver"]

API = "/api/v1/internal"
SUBMIT = "submit-token-0123456789"
OPERATE = "operate-token-0123456789"
TOKENS = f"auth:submit={SUBMIT},desk:operate={OPERATE}"
MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        return self.json.get("code")


class Web:
    """A running web process and how to call it."""

    def __init__(self, process: ServiceProcess, port: int) -> None:
        self.process = process
        self.port = port

    def connect(self) -> socket.socket:
        return socket.create_connection((LOOPBACK, self.port), timeout=30)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        token: str | None = OPERATE,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own. A body that is no bytes is sent as JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            content = response.read()
            return Answer(response.status, dict(response.getheaders()), content)
        finally:
            connection.close()

    def exchange(self, raw: bytes, *, half_close: bool = False) -> bytes:
        """Everything that comes back for these bytes, until the service closes."""
        with self.connect() as connection:
            connection.sendall(raw)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while data := connection.recv(65536):
                    received += data
            except ConnectionResetError:
                pass  # it had not read all that was sent
            return received

    def lines_since(self, start: int) -> list[dict[str, Any]]:
        """What it has logged from that place of its output on: each line JSON, no raw controls."""
        lines = self.process.output[start:].split("\n")[:-1]
        for line in lines:
            assert json.loads(line)["process"] == "web"
            assert line.isascii()
            assert line.isprintable()
        return [json.loads(line) for line in lines]

    def await_lines(self, start: int, count: int) -> list[dict[str, Any]]:
        """The same, once there are so many: a request's line is written after its answer."""
        deadline = time.monotonic() + 30
        while self.process.output.count("\n", start) < count:
            assert time.monotonic() < deadline, "a request left no line"
            time.sleep(0.002)
        return self.lines_since(start)

    def get(self, path: str, **how: Any) -> Answer:
        return self.call("GET", f"{API}{path}", **how)

    def post(self, path: str, body: Any = None, *, key: str | None = "k-1", **how: Any) -> Answer:
        headers = dict(how.pop("headers", {}))
        if key is not None:
            headers.setdefault("Idempotency-Key", key)
        return self.call("POST", f"{API}{path}", body=body, headers=headers, **how)

    def post_login_code(self, *, key: str | None = "k-1", **changes: Any) -> Answer:
        """A valid login code, with changes; a change to None takes a member out."""
        body = {"email": "ada@example.org", "code": "492817", "locale": "en", **changes}
        given = {name: value for name, value in body.items() if value is not None}
        return self.post("/login-code-deliveries", given, key=key, token=SUBMIT)


def start_web(service: Service, **overrides: str | None) -> Web:
    """Start a web process on a free port; it is ready when this returns."""
    port = ReservedPort()
    number = port.number
    port.release()
    process = service.start(
        "serve",
        overrides={
            "MAIL_INTERNAL_HTTP_ADDR": f"{LOOPBACK}:{number}",
            "MAIL_INTERNAL_API_TOKENS": TOKENS,
            "MAIL_INTERNAL_HTTP_MAX_BODY_BYTES": str(MOST_BYTES),
            **overrides,
        },
    )
    process.wait_until_started()
    return Web(process, number)


@pytest.fixture(scope="module")
def web_service(servers, django_db_setup) -> Iterator[Service]:
    """For processes that outlive a test, and end with its module: others count the processes."""
    servers.start_redis()
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    service = Service(folder=servers.folder, environment={**inherited, **servers.environment})
    yield service
    service.close()


@pytest.fixture(scope="module")
def shared_web(web_service) -> Web:
    return start_web(web_service)


@pytest.fixture
def web(shared_web, transactional_db) -> Web:
    """One process for all tests that do it no harm; each begins with an empty database."""
    return shared_web


@pytest.fixture
def own_web(service, transactional_db) -> Callable[..., Web]:
    """Starts a web process for this test alone, with variables of its choice."""
    return partial(start_web, service)
