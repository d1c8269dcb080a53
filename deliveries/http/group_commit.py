"""Posts that arrive together are written together: one statement and one commit for all of them.

A post that finds no writer becomes the leader and writes everything that waits. Posts that arrive
meanwhile form the next turn. An idle service makes nobody wait.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

_LONGEST_PATIENCE = 0.02  # seconds: no healthy disk takes longer


class GroupCommit(Generic[Ask, Answer]):
    """Shared by the threads of a process. `work` gets what has gathered and answers in its order.

    An error of `work` is raised to each whose part was in it.

    The threads that a turn has answered come back with the next posts a moment later. So a leader
    waits for as many as were there at the end of the last turn, and no longer after it than that
    turn took. Without this the threads split into two groups, which write by turns.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Ask]], Sequence[Answer]],
        *,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[_Part[Ask, Answer]] = []
        self._is_led = False
        self._expected = 1
        self._patient_until = clock()
        self._all_here: threading.Lock | None = None  # while a leader waits for the others

    def ask(self, ask: Ask) -> Answer:
        part: _Part[Ask, Answer] = _Part(ask)
        with self._lock:
            self._waiting.append(part)
            leads, self._is_led = not self._is_led, True
            if self._all_here is not None and len(self._waiting) >= self._expected:
                self._all_here.release()
                self._all_here = None
        if not leads:
            part.called.acquire()
        if not part.is_done:
            self._lead()
        return part.result()

    def _lead(self) -> None:
        """One turn; the first of those that came meanwhile leads the next one."""
        self._await_others()
        with self._lock:
            turn, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        began = self._clock()
        try:
            for part, answer in zip(turn, self._work([p.ask for p in turn]), strict=True):
                part.answer = answer
                part.is_answered = True
        except Exception as error:  # noqa: BLE001 - raised again, to each of them
            for part in turn:
                part.error = error
        finally:
            self._end(turn, began)

    def _await_others(self) -> None:
        with self._lock:
            seconds = self._patient_until - self._clock()
            if seconds <= 0 or len(self._waiting) >= self._expected:
                return
            all_here = self._all_here = _raised()
        all_here.acquire(timeout=seconds)
        with self._lock:
            self._all_here = None

    def _end(self, turn: "Sequence[_Part[Ask, Answer]]", began: float) -> None:
        ended = self._clock()
        with self._lock:
            self._expected = min(len(turn) + len(self._waiting), self._most)
            self._patient_until = ended + min(ended - began, _LONGEST_PATIENCE)
            self._is_led = bool(self._waiting)
            leader = self._waiting[0] if self._waiting else None
        for part in turn:
            part.is_done = True
            part.called.release()
        if leader is not None:
            leader.called.release()


class _Part(Generic[Ask, Answer]):
    """What one thread asks, and what it gets."""

    answer: Answer

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.called = _raised()
        self.is_done = False
        self.is_answered = False
        self.error: Exception | None = None

    def result(self) -> Answer:
        if self.error is not None:
            raise self.error
        if not self.is_answered:
            raise RuntimeError("whoever wrote for this thread was stopped")
        return self.answer


def _raised() -> threading.Lock:
    """A barrier for one thread, lifted by another one; an Event costs several times as much."""
    barrier = threading.Lock()
    barrier.acquire()
    return barrier
