"""How often the same thing is logged."""

import threading
import time
from collections.abc import Callable, Hashable

_KEYS_BEFORE_SWEEP = 1000


class Throttle:
    """Lets a key through at most once in so many seconds. Threads may share it."""

    def __init__(
        self, *, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._allowed_at: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def allow(self, key: Hashable) -> bool:
        with self._lock:
            now = self._clock()
            last = self._allowed_at.get(key)
            if last is not None and now - last < self._seconds:
                return False
            self._allowed_at[key] = now
            if len(self._allowed_at) > _KEYS_BEFORE_SWEEP:
                self._forget_old(now)
            return True

    def _forget_old(self, now: float) -> None:
        self._allowed_at = {
            key: at for key, at in self._allowed_at.items() if now - at < self._seconds
        }
