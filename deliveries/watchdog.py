"""Threads that take longer than they may: each says how long it may take, one checks. Pure."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Allow = Callable[[], AbstractContextManager[None]]


class Watchdog:
    """Tells of a thread that overran its budget by `grace` seconds.

    The grace is counted in looks, `every` seconds apart: a process that was frozen as a whole finds
    every budget overrun, and still gives its threads that long.
    """

    def __init__(
        self,
        *,
        grace: float = 10.0,
        every: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._looks = round(grace / every)
        self._clock = clock
        self._lock = threading.Lock()
        self._deadlines: dict[str, float] = {}
        self._overdue: dict[str, int] = {}

    @contextmanager
    def allow(self, thread: str, seconds: float) -> Iterator[None]:
        """What is done inside may take this long."""
        with self._lock:
            self._deadlines[thread] = self._clock() + seconds
        try:
            yield
        finally:
            with self._lock:
                self._deadlines.pop(thread, None)
                self._overdue.pop(thread, None)

    def look(self) -> str | None:
        """The name of a thread that is stuck, None when there is none. Call it regularly."""
        now = self._clock()
        with self._lock:
            for thread, deadline in self._deadlines.items():
                if now < deadline:
                    self._overdue.pop(thread, None)
                    continue
                self._overdue[thread] = self._overdue.get(thread, 0) + 1
                if self._overdue[thread] > self._looks:
                    return thread
        return None
