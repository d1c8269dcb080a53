"""How long one call may take, and what of that is left between its tries."""

import random
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """In seconds. `total` bounds a call with all its tries and waits, `each` one try.

    After a failed try the wait doubles from `first_wait` to `longest_wait`, less a random part of
    up to half, so that many callers do not come back together.
    """

    total: float = 10.0
    each: float = 3.0
    first_wait: float = 0.05
    longest_wait: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.each <= self.total or not 0 < self.first_wait <= self.longest_wait:
            raise ValueError("needs 0 < each <= total and 0 < first_wait <= longest_wait")


class Tries:
    """The clock of one call."""

    def __init__(self, patience: Patience) -> None:
        self._each = patience.each
        self._wait = patience.first_wait
        self._longest = patience.longest_wait
        self._end = time.monotonic() + patience.total

    def deadline(self) -> float:
        """When a try that begins now has to be over, by the monotonic clock."""
        return min(self._end, time.monotonic() + self._each)

    def pause(self, *, at_least: float = 0.0, reserve: float = 0.0) -> bool:
        """Wait before the next try; False, at once, when the call would run out of time.

        `reserve` is what the next try must have left.
        """
        wait = max(at_least, self._wait * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self._wait = min(self._wait * 2, self._longest)
        if time.monotonic() + wait + reserve >= self._end:
            return False
        time.sleep(wait)
        return True
