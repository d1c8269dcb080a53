"""The scripted relay: what it does at each step is told beforehand, what it got is kept."""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Say:
    """Send these bytes, a whole reply or not; `then_drop` closes after them."""

    data: bytes
    then_drop: bool = False


@dataclass(frozen=True)
class Stall:
    """Say nothing, and wait until the relay is stopped."""


@dataclass(frozen=True)
class Drop:
    """Close the connection."""


Action = Say | Stall | Drop
Script = dict[str, Action | str | Sequence[Action | str]]
_STANDARD = {
    "connect": "220 relay ready",
    "EHLO": "250-relay\r\n250-PIPELINING\r\n250 SIZE 10000000",
    "STARTTLS": "220 go ahead",
    "AUTH": "235 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "message": "250 2.0.0 queued",
    "QUIT": "221 bye",
}


class _EndedError(Exception):
    pass


class ScriptedRelay:
    """Listens on loopback. `script` overrides the standard answer of a step.

    The steps are `connect`, the verbs, `message` (the final reply), and `EHLO+TLS` for the EHLO
    after STARTTLS. A list is used up one answer a time, its last one for ever; a string is a reply
    without its line end.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
    ) -> None:
        self._script = {**_STANDARD, **(script or {})}
        self._used: dict[str, int] = {}
        self._tls = tls
        self._implicit = implicit
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.connections = 0
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self.on_message: Callable[[], None] | None = None

    def __enter__(self) -> "ScriptedRelay":
        self._acceptor.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._acceptor.join(5)
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        # each closes what it still holds, before anyone looks for sockets left open
        for thread in self._threads:
            thread.join(5)

    def verbs(self) -> list[str]:
        return [command.partition(" ")[0].upper() for command in self.commands]

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._implicit:
                sock = self._wrap(sock)
            self._dialogue(sock)
        except (_EndedError, OSError):
            pass
        finally:
            with suppress(OSError):
                sock.close()

    def _wrap(self, sock: socket.socket) -> socket.socket:
        assert self._tls is not None
        wrapped = self._tls.wrap_socket(sock, server_side=True)
        self._open.append(wrapped)
        return wrapped

    def _dialogue(self, sock: socket.socket) -> None:
        self._act(sock, "connect")
        stream, encrypted = sock.makefile("rb"), False
        while line := stream.readline():
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            with self._lock:
                self.commands.append(command)
            verb = command.partition(" ")[0].upper()
            step = (
                "EHLO+TLS" if verb == "EHLO" and encrypted and "EHLO+TLS" in self._script else verb
            )
            reply = self._act(sock, step)
            if verb == "QUIT":
                return
            if verb == "STARTTLS" and reply.startswith(b"220"):
                sock = self._wrap(sock)
                stream, encrypted = sock.makefile("rb"), True
            if verb == "DATA" and reply.startswith(b"354"):
                self._take_message(stream)
                self._act(sock, "message")

    def _take_message(self, stream) -> None:
        lines = []
        while (line := stream.readline()) != b".\r\n":
            if not line:
                raise _EndedError
            lines.append(line[1:] if line.startswith(b".") else line)
        with self._lock:
            self.messages.append(b"".join(lines))
        if self.on_message is not None:
            self.on_message()

    def _act(self, sock: socket.socket, step: str) -> bytes:
        action = self._next(step)
        if isinstance(action, str):
            action = Say(action.encode() + b"\r\n")
        if isinstance(action, Drop):
            raise _EndedError
        if isinstance(action, Stall):
            self._stopped.wait(60)
            raise _EndedError
        sock.sendall(action.data)
        if action.then_drop:
            raise _EndedError
        return action.data

    def _next(self, step: str) -> Action | str:
        answer = self._script.get(step, "500 what")
        if isinstance(answer, Say | Stall | Drop | str):
            return answer
        with self._lock:
            used = self._used.get(step, 0)
            self._used[step] = used + 1
        return answer[min(used, len(answer) - 1)]
