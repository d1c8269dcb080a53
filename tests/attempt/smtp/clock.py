"""The client's monotonic clock, which a test can put forward."""

from collections.abc import Callable


class Clock:
    def __init__(self, real: Callable[[], float]) -> None:
        self._real = real
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._real() + self.ahead
