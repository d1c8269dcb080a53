"""A relay that plays a script, in a thread of its own; and addresses where nobody answers."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from tests.relay.dialogue import KEYWORDS, Dialogue, Message, Plan
from tests.relay.script import Script, Stage

LOOPBACK = "127.0.0.1"
_PATIENCE_SECONDS = 30.0
_SMALL_BUFFER = 4096  # so that a relay that does not read is felt early


class ScriptedRelay:
    """A context manager. `context` serves STARTTLS where it is among `keywords`.

    With `implicit_tls` it serves TLS from the first byte instead. `messages` is what was taken,
    `dialogues` the command lines of each connection.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        keywords: Sequence[str] = KEYWORDS,
        keywords_tls: Sequence[str] | None = None,
        context: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        merged: bool = False,
        most_recipients: int | None = None,
        port: int = 0,
    ) -> None:
        self.host = LOOPBACK
        self.port = port
        self._plan = Plan(
            script=script or {},
            keywords=keywords,
            keywords_tls=keywords_tls,
            context=context,
            merged=merged,
            most_recipients=most_recipients,
        )
        self._implicit = context if implicit_tls else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted relay")
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def messages(self) -> list[Message]:
        return list(self._plan.messages)

    @property
    def dialogues(self) -> list[list[str]]:
        return [list(heard) for heard in self._plan.dialogues]

    @property
    def dialogue(self) -> list[str]:
        """The only connection's."""
        (only,) = self._plan.dialogues
        return list(only)

    def wait_for(self, command: str) -> bool:
        """Whether the command comes, as a whole line, in time."""
        return _becomes(lambda: any(command in heard for heard in self._plan.dialogues))

    def play(self, script: Script) -> None:
        """Another script, from here on."""
        self._plan.script = script

    def change_certificate(self, context: ssl.SSLContext) -> None:
        """As a relay that was restarted: what STARTTLS begins from here on."""
        self._plan.context = context

    def reached(self, stage: Stage) -> bool:
        return self._plan.turns[stage] > 0

    def wait_until_reached(self, stage: Stage) -> bool:
        return _becomes(lambda: self.reached(stage))

    def __enter__(self) -> "ScriptedRelay":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        # With the protocol named, asyncio turns Nagle's delays off.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        listener.bind((self.host, self.port))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(
            self._serve, sock=listener, ssl=self._implicit, limit=_SMALL_BUFFER * 4
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        dialogue = Dialogue(
            plan=self._plan, reader=reader, writer=writer, tls=self._implicit is not None
        )
        with contextlib.suppress(asyncio.CancelledError):
            await dialogue.run()
        self._tasks.discard(task)
        writer.transport.abort()

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close in the rounds of the loop to come


def _becomes(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port where connections are refused: it is held, and nobody listens."""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        yield sock.getsockname()[1]


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port where connections are neither accepted nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
