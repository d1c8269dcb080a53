"""Waiting for a descriptor within a deadline, and being interrupted by another thread."""

import os
import select
import time
import weakref


class CutError(Exception):
    """Another thread interrupted the send."""


class Interrupt:
    """Interrupts one client's send. This is final: the client sends nothing more.

    `abort` spares a send that is too far on: whose final dot the kernel has, or may have at any
    moment. `give_up` spares none. The descriptors live as long as this object.

    There is no lock: each side first says what it does, and then looks at what the other has said,
    so that never both go on.
    """

    def __init__(self) -> None:
        self._aborted = False
        self._crossed = False
        self.fd, self._bell = os.pipe()
        weakref.finalize(self, _close, self.fd, self._bell)

    def begin(self) -> bool:
        """Whether a send may begin."""
        self._crossed = False
        return not self._aborted

    def cross(self) -> bool:
        """Whether the final dot may be written; if so, `abort` does nothing from now on."""
        self._crossed = True
        if self._aborted:
            self._crossed = False
            return False
        return True

    def step_back(self) -> None:
        """The kernel did not take the dot."""
        self._crossed = False
        if self._aborted:
            self._ring()

    def abort(self) -> None:
        self._aborted = True
        if not self._crossed:
            self._ring()

    def give_up(self) -> None:
        self._aborted = True
        self._ring()

    def _ring(self) -> None:
        os.write(self._bell, b".")  # never read: one call is for all later waits


class Waiter:
    """Waits for one descriptor, and for the interrupt."""

    def __init__(self, *, fd: int, interrupt: Interrupt) -> None:
        self._fd = fd
        self._interrupt = interrupt
        self._events = select.POLLIN
        self._poller = select.poll()
        self._poller.register(fd, self._events)
        self._poller.register(interrupt.fd, select.POLLIN)

    def wait(self, *, events: int, deadline: float) -> int:
        """The events that came. Raises TimeoutError past the deadline, and CutError.

        What has come already counts before the interrupt.
        """
        if events != self._events:
            self._poller.modify(self._fd, events)
            self._events = events
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            cut = False
            for fd, ready in self._poller.poll(left * 1000):
                if fd == self._fd:
                    return ready
                cut = True
            if cut:
                raise CutError

    def is_readable(self) -> bool:
        """Whether there is anything to read now, an end or an error included."""
        if self._events != select.POLLIN:
            self._poller.modify(self._fd, select.POLLIN)
            self._events = select.POLLIN
        ready = self._poller.poll(0)
        return bool(ready) and self._fd in dict(ready)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
