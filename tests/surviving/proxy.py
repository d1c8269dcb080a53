"""A network that misbehaves: between the processes and a server on loopback."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_READ = 65536


class Proxy:
    """Forwards connections, one thread each, until told to do otherwise. A context manager."""

    def __init__(self, connect: Callable[[], socket.socket], *, port: int = 0) -> None:
        self._connect = connect
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._live: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._flows = threading.Event()
        self._flows.set()
        self._closed = False
        self._refuses = False
        self._answer: bytes | None = None
        self._losing: bytes | None = None
        self.lost = threading.Event()

    def __enter__(self) -> "Proxy":
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._flows.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def cut(self) -> None:
        """End every connection."""
        with self._lock:
            live = list(self._live)
        for sock in live:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def go_away(self) -> None:
        self._refuses = True
        self.cut()

    def come_back(self) -> None:
        self._refuses = False
        self._answer = None

    def freeze(self) -> None:
        """Nothing comes through, and nobody is told."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def answer(self, reply: bytes) -> None:
        """Answer everything with this, the server never hears of it."""
        self._answer = reply
        self.cut()

    def lose_reply_to(self, request: bytes) -> None:
        """The next request with these bytes is done; its reply and its connection are lost."""
        self.lost.clear()
        self._losing = request

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client:
            if self._refuses:
                return
            try:
                server = self._connect()
            except OSError:
                return
            with server, self._held(client, server), suppress(OSError):
                self._forward(client, server)

    def _held(self, *socks: socket.socket):
        return _Held(self._live, self._lock, socks)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        while not self._closed:
            for source in select.select([client, server], [], [])[0]:
                self._flows.wait()
                data = source.recv(_READ)
                if not data:
                    return
                if source is server:
                    client.sendall(data)
                elif self._answer is not None:
                    client.sendall(self._answer)
                elif self._is_to_lose(data):
                    server.sendall(data)
                    select.select([server], [], [], 10)
                    self.lost.set()
                    return
                else:
                    server.sendall(data)

    def _is_to_lose(self, data: bytes) -> bool:
        with self._lock:
            if self._losing is None or self._losing not in data:
                return False
            self._losing = None
            return True


class _Held:
    def __init__(self, live: set[socket.socket], lock: threading.Lock, socks) -> None:
        self._live, self._lock, self._socks = live, lock, socks

    def __enter__(self) -> None:
        with self._lock:
            self._live.update(self._socks)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._live.difference_update(self._socks)
