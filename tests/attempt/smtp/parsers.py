"""Mail servers that are not ours, to see what they make of what the client writes."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiosmtpd.controller import Controller

HOST = "127.0.0.1"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_ENVELOPE = re.compile(rb"^X-Mail-Args: <(.*?)>", re.MULTILINE)
_SINK_HEAD = re.compile(rb"\A(?:X-[^\n]*\n)+Received: [^\n]*\n(?:\t[^\n]*\n)*")


@dataclass(frozen=True)
class Taken:
    """A message as the server has it, with LF line ends, and its sender."""

    content: bytes
    sender: str


class Server(Protocol):
    host: str
    port: int

    def taken(self) -> list[Taken]: ...

    def clear(self) -> None: ...


@dataclass
class Aiosmtpd:
    """The library of many Python services; its own parser of DATA."""

    host: str = HOST
    port: int = 0
    messages: list[Taken] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.original_content
        self.messages.append(Taken(content.replace(b"\r\n", b"\n"), envelope.mail_from))
        return "250 2.0.0 ok"

    def taken(self) -> list[Taken]:
        return list(self.messages)

    def clear(self) -> None:
        self.messages.clear()


@dataclass
class Sink:
    """Postfix's smtp-sink, which writes each message to a file."""

    folder: Path
    port: int
    host: str = HOST

    def taken(self) -> list[Taken]:
        return [_read(path) for path in self.folder.iterdir()]

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


def _read(path: Path) -> Taken:
    dump = path.read_bytes()
    envelope = _ENVELOPE.search(dump)
    assert envelope is not None
    content = _SINK_HEAD.sub(b"", dump, count=1)
    assert content.endswith(b"\n")  # of the dump's own
    return Taken(content[:-1], envelope[1].decode())


@contextmanager
def aiosmtpd() -> Iterator[Server]:
    server = Aiosmtpd()
    controller = Controller(server, hostname=HOST, port=_free_port())
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


@contextmanager
def smtp_sink() -> Iterator[Server]:
    program = shutil.which("smtp-sink", path=_PATH)
    if program is None:
        pytest.skip("Postfix's smtp-sink is not installed")
    # not pytest's folder: as root the sink gives up its rights, and could not enter it
    with tempfile.TemporaryDirectory(prefix="mail-service-sink-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        port = _free_port()
        rights = ["-u", "nobody"] if os.geteuid() == 0 else []
        process = subprocess.Popen([program, *rights, "-d", f"{folder}/m.", f"{HOST}:{port}", "16"])
        try:
            _await_listener(port)
            yield Sink(folder, port)
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _await_listener(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((HOST, port)).close()
        except OSError:
            assert time.monotonic() < deadline, "smtp-sink does not listen"
            time.sleep(0.02)
        else:
            return
