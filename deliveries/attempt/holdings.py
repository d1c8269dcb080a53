"""What this process has claimed: by its own knowledge, and by the database."""

import threading
import time
from collections.abc import Callable, Iterable

from deliveries.transitions.claim import give_back, strays

# A claim whose answer was lost may still be running: longer than a session's statements may.
_SUSPICION_SECONDS = 40.0
_EVERY_SECONDS = 2.0


class Holdings:
    """The attempts in this process's hands, from their claim to their written outcome.

    A claim may be committed and its answer lost on the way: then there are attempts of ours that
    nobody here knows of. After a fault they are looked for, and given back.
    """

    def __init__(self, *, worker_id: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._worker_id = worker_id
        self._clock = clock
        self._lock = threading.Lock()
        self._known: set[int] = set()
        self._suspicious_until = self._look_at = float("-inf")

    def take(self, attempt_ids: Iterable[int]) -> None:
        with self._lock:
            self._known.update(attempt_ids)

    def drop(self, attempt_ids: Iterable[int]) -> None:
        """Their outcomes are written."""
        with self._lock:
            self._known.difference_update(attempt_ids)

    def suspect(self) -> None:
        """The answer to a claim was lost."""
        self._look_at = self._clock()
        self._suspicious_until = self._look_at + _SUSPICION_SECONDS

    def settle(self) -> int:
        """Give back what nobody knows of; return how many. Called by the thread that claims."""
        now = self._clock()
        if not self._look_at <= now <= self._suspicious_until:
            return 0
        with self._lock:
            known = list(self._known)
        given_back = give_back(
            worker_id=self._worker_id,
            attempt_ids=strays(worker_id=self._worker_id, known=known),
        )
        self._look_at = now + _EVERY_SECONDS
        return given_back
