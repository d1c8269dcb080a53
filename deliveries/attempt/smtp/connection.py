"""From a name to a connected socket, within one deadline."""

import errno
import os
import select
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from deliveries.attempt.smtp.waiting import Interrupt, Waiter

Found = tuple[int, int, int, str, Any]  # what getaddrinfo finds


def connect(*, host: str, port: int, deadline: float, interrupt: Interrupt) -> socket.socket:
    """Try the addresses in turn, each with an equal share of the time left.

    So one that does not answer leaves time for the next. Raises what `resolve` raises, the last
    address's OSError, TimeoutError, CutError.
    """
    found = resolve(host=host, port=port, deadline=deadline, interrupt=interrupt)
    failure = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for tried, address in enumerate(found):
        now = time.monotonic()
        share = now + (deadline - now) / (len(found) - tried)
        try:
            return _connect_to(address, share, interrupt)
        except OSError as error:
            failure = error
    raise failure


def resolve(*, host: str, port: int, deadline: float, interrupt: Interrupt) -> Sequence[Found]:
    """getaddrinfo, which cannot be stopped: a thread is left to it when time is up.

    Raises socket.gaierror, TimeoutError, CutError.
    """
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        lookup = _Lookup(host, port)  # a name, not an address
    with lookup.done:
        waiter = Waiter(fd=lookup.done.fileno(), interrupt=interrupt)
        waiter.wait(events=select.POLLIN, deadline=deadline)
    if lookup.failure is not None:
        raise lookup.failure
    return lookup.found


class _Lookup:
    """One look-up in a thread of its own; `done` reads as ended when there is an answer."""

    def __init__(self, host: str, port: int) -> None:
        self.found: Sequence[Found] = ()
        self.failure: OSError | None = None
        self.done, self._held = socket.socketpair()
        thread = threading.Thread(target=self._run, args=(host, port), name="lookup", daemon=True)
        thread.start()

    def _run(self, host: str, port: int) -> None:
        with self._held:
            try:
                self.found = _look_up(host, port, 0)
            except OSError as error:
                self.failure = error


def _look_up(host: str, port: int, flags: int) -> Sequence[Found]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError:  # no name that DNS could hold, such as one with an empty label
        raise socket.gaierror(socket.EAI_NONAME, "not a valid name") from None


def _connect_to(found: Found, deadline: float, interrupt: Interrupt) -> socket.socket:
    family, kind, protocol, _, address = found
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code == errno.EINPROGRESS:
            waiter = Waiter(fd=sock.fileno(), interrupt=interrupt)
            waiter.wait(events=select.POLLOUT, deadline=deadline)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        _check(code)
    except BaseException:
        sock.close()
        raise
    return sock


def _check(code: int) -> None:
    if code:
        raise OSError(code, os.strerror(code))
