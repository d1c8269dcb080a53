"""The attempts that this process has claimed and not yet started: login codes apart. No Django."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_FIRST_LANE = 0


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claimed attempt: the row of `transitions.claim`, and when it was asked for."""

    row: Any
    at: float

    @property
    def is_first_lane(self) -> bool:
        return bool(self.row.lane == _FIRST_LANE)


class Inbox:
    """Hands claimed attempts to the sender threads, the first lane before the others.

    A reserved thread takes from the first lane only, so that a relay that stalls on everything else
    leaves it free. `low` is called once when half of what came last is left; with `tells_idle` also
    whenever a thread has nothing to do.
    """

    def __init__(
        self,
        *,
        low: Callable[[], None],
        tells_idle: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._low = low
        self._tells_idle = tells_idle
        self._clock = clock
        self._ready = threading.Condition()
        self._first: deque[Claimed] = deque()
        self._rest: deque[Claimed] = deque()
        self._low_mark = 0
        self._closed = False
        self._idle = [0, 0]

    def put(self, rows: list[Any], *, at: float | None = None) -> bool:
        """Take in what was claimed by a statement sent at `at`; False when it is closed."""
        with self._ready:
            if self._closed:
                return False
            at = self._clock() if at is None else at
            for row in rows:
                claimed = Claimed(row=row, at=at)
                (self._first if claimed.is_first_lane else self._rest).append(claimed)
            self._low_mark = (len(self._first) + len(self._rest)) // 2
            self._ready.notify_all()
            return True

    def take(self, *, reserved: bool) -> Claimed | None:
        """The next attempt for this thread; None when the inbox is closed."""
        with self._ready:
            while not self._closed:
                if self._first:
                    return self._taken(self._first)
                if self._rest and not reserved:
                    return self._taken(self._rest)
                self._wait(reserved=reserved)
            return None

    def _wait(self, *, reserved: bool) -> None:
        self._idle[reserved] += 1
        if self._tells_idle:
            self._low()
        self._ready.wait()
        self._idle[reserved] -= 1

    def room(self) -> tuple[int, int]:
        """How many more could start at once: of the first lane in reserved threads, and of any."""
        with self._ready:
            others, reserved = self._idle
            spill = max(0, len(self._first) - reserved)
            return (
                max(0, reserved - len(self._first)),
                max(0, others - spill - len(self._rest)),
            )

    def _taken(self, queue: deque[Claimed]) -> Claimed:
        claimed = queue.popleft()
        if len(self._first) + len(self._rest) == self._low_mark:
            self._low()
        return claimed

    def depths(self) -> tuple[int, int]:
        """How many wait in the first lane, and in the others."""
        with self._ready:
            return len(self._first), len(self._rest)

    def take_stale(self, *, older_than: float) -> list[Claimed]:
        """Remove what has waited longer than `older_than` seconds: others may have it."""
        with self._ready:
            limit = self._clock() - older_than
            stale: list[Claimed] = []
            for queue in (self._first, self._rest):
                while queue and queue[0].at < limit:
                    stale.append(queue.popleft())
            return stale

    def close(self) -> list[Claimed]:
        """Let every waiting thread go; return what nobody will start."""
        with self._ready:
            self._closed = True
            left = [*self._first, *self._rest]
            self._first.clear()
            self._rest.clear()
            self._ready.notify_all()
            return left
