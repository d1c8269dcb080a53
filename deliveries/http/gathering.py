"""Posts that arrive together are written together: one statement and one commit for all of them.

Whoever finds nobody at it writes what waits, his own included; who comes meanwhile waits for the
next turn. At rest nobody waits for anyone.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


class Gatherer(Generic[Ask, Answer]):
    """Shared by the threads of a process. `work` gets what has gathered and answers in its order.

    An error of `work` is raised to each whose part was in it.
    """

    def __init__(self, work: Callable[[Sequence[Ask]], Sequence[Answer]], *, most: int) -> None:
        self._work = work
        self._most = most
        self._lock = threading.Lock()
        self._waiting: list[_Part[Ask, Answer]] = []
        self._is_led = False

    def ask(self, ask: Ask) -> Answer:
        part: _Part[Ask, Answer] = _Part(ask)
        with self._lock:
            self._waiting.append(part)
            leads, self._is_led = not self._is_led, True
        if not leads:
            part.called.wait()
        if not part.is_done:
            self._lead()
        return part.result()

    def _lead(self) -> None:
        """One turn; the first of those that came meanwhile leads the next one."""
        with self._lock:
            turn, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            for part, answer in zip(turn, self._work([p.ask for p in turn]), strict=True):
                part.answer = answer
                part.is_answered = True
        except Exception as error:  # noqa: BLE001 - raised again, to each of them
            for part in turn:
                part.error = error
        finally:
            for part in turn:
                part.is_done = True
                part.called.set()
            with self._lock:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].called.set()


class _Part(Generic[Ask, Answer]):
    """What one thread asks, and what it gets."""

    answer: Answer

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.called = threading.Event()
        self.is_done = False
        self.is_answered = False
        self.error: Exception | None = None

    def result(self) -> Answer:
        if self.error is not None:
            raise self.error
        if not self.is_answered:
            raise RuntimeError("whoever wrote for this thread was stopped")
        return self.answer
