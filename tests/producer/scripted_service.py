"""An HTTP server that answers as it is told, one item of the script a request."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCEPTED = {"delivery_id": "d-1", "outcome": "accepted"}


@dataclass(frozen=True, slots=True)
class Says:
    """A whole answer."""

    status: int
    members: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    def __call__(self, handler: "Handler") -> None:
        body = self.raw if self.raw is not None else json.dumps(self.members).encode()
        handler.send_response(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def hang_up(handler: "Handler") -> None:
    """Closes without an answer."""
    handler.close_connection = True


def stall(handler: "Handler") -> None:
    """Answers nothing for as long as the test lasts."""
    handler.server.over.wait()
    handler.close_connection = True


def break_off(handler: "Handler") -> None:
    """The first half of an answer."""
    handler.send_response(202)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"delivery_id"')
    handler.close_connection = True


def drip(handler: "Handler") -> None:
    """An answer that never ends, a byte now and then."""
    handler.close_connection = True
    try:
        handler.wfile.write(b"HTTP/1.1 202 Accepted\r\nX-Long: ")
        while not handler.server.over.is_set():
            handler.wfile.write(b"x")
            time.sleep(0.02)
    except OSError:
        pass  # the client has had enough


def no_http(handler: "Handler") -> None:
    handler.wfile.write(b"220 relay.example.com ESMTP\r\n")
    handler.close_connection = True


def answer_then_close(handler: "Handler") -> None:
    """An answer that leaves the connection open, as it says, and closes it."""
    Says(202, ACCEPTED)(handler)
    handler.close_connection = True


Step = Callable[["Handler"], None]


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    port: int  # the client's, which tells connections apart


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        port = self.client_address[1]
        self.server.requests.append(Request(self.path, headers, body, port))
        script = self.server.script
        step = script[min(len(self.server.requests), len(script)) - 1]
        step(self)

    def log_message(self, *_args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    requests: list[Request]
    script: list[Step]
    over: threading.Event


class ScriptedService:
    """The last step of the script repeats. With `tls` it speaks HTTPS."""

    def __init__(self, *script: Step, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.requests = []
        self._server.script = list(script)
        self._server.over = threading.Event()
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        return self._server.requests

    def __enter__(self) -> "ScriptedService":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
