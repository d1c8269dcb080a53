"""How far a long command is, for whoever watches it."""

import time
from collections.abc import Callable
from typing import TextIO

_WIDTH = 30
_SECONDS = 0.1


class Progress:
    """A bar on a terminal; on anything else nothing, so that logs and pipes stay clean."""

    def __init__(
        self, *, total: int, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._stream = stream if stream.isatty() and total else None
        self._clock = clock
        self._started = clock()
        self._drawn_at = float("-inf")

    def show(self, done: int) -> None:
        now = self._clock()
        if self._stream is None or (now - self._drawn_at < _SECONDS and done < self._total):
            return
        self._drawn_at = now
        bar = "#" * (_WIDTH * done // self._total)
        rate = done / max(now - self._started, 0.001)
        self._stream.write(f"\r[{bar.ljust(_WIDTH, '.')}] {done}/{self._total}, {rate:.0f}/s ")
        self._stream.flush()

    def close(self) -> None:
        """End the bar's line."""
        if self._stream is not None:
            self._stream.write("\n")
            self._stream.flush()
