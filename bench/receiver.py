"""The processes that take what is sent to them: relays, and the collector of telemetry.

Each is a module of the bench that is given a listening socket, so that it can be connected to at
once, and ends what it prints at SIGTERM with the numbers of what it took.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.servers import Servers
from bench.session import BenchError
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.ports import LOOPBACK
from mailproject.embedded.stack import CHECKOUT

_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Receiver:
    port: int
    child: Child

    @property
    def last_line(self) -> str:
        return self.child.tail().rstrip().rpartition("\n")[2]

    def taken(self) -> list[int]:
        """The numbers that it printed at its end. Raises ChildFailedError."""
        words = self.last_line.rpartition(": ")[2].split()
        if not words or not all(word.isdecimal() for word in words):
            raise self.child.failed("did not print what it took")
        return [int(word) for word in words]


@contextmanager
def start_receiver(
    folder: RunFolder, module: str, *options: str, log: str, within: str = "logs"
) -> Iterator[Receiver]:
    """Run `module`; what it took is known once it has ended, behind the `with`."""
    with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
        port, fd = listener.getsockname()[1], listener.fileno()
        child = start_child(
            folder=folder,
            name=log,
            argv=[sys.executable, "-m", module, "--listen-fd", str(fd), *options],
            environment={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
            log=folder.subfolder(within) / f"{log}.log",
            cwd=CHECKOUT,
            pass_fds=(fd,),
        )
    try:
        yield Receiver(port, child)
    finally:
        child.stop(seconds=_STOP_SECONDS)


@contextmanager
def start_sink(servers: Servers, name: str, *, expected: int) -> Iterator[int]:
    """A relay that drops what it takes; yields its port. Raises BenchError unless it took as many
    messages as expected.
    """
    with start_receiver(servers.folder, "bench.relay", log="sink", within=name) as relay:
        yield relay.port
    (taken,) = relay.taken()
    if taken != expected:
        raise BenchError(f"the sink took {taken} messages, should be {expected}")
