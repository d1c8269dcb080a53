"""How many attempts to hold ready: about a tenth of a second of work. Pure."""

import math

_AHEAD_SECONDS = 0.1
_SMOOTHING = 0.3
_WINDOW_SECONDS = 0.25


class Pace:
    """Measures how fast attempts finish, and says how many should be at hand.

    Few for a slow relay, so that what waits here could not be sent sooner elsewhere; many for a
    fast one, so that claims come in batches.
    """

    def __init__(self, *, senders: int) -> None:
        self._senders = senders
        self._most = senders * 16
        self._rate = 0.0
        self._finished = 0
        self._since: float | None = None

    def note(self, *, finished: int, now: float) -> None:
        """`finished` attempts have ended since the last call."""
        if self._since is None:
            self._since = now
        self._finished += finished
        elapsed = now - self._since
        if elapsed >= _WINDOW_SECONDS:
            self._rate += _SMOOTHING * (self._finished / elapsed - self._rate)
            self._finished, self._since = 0, now

    @property
    def ahead(self) -> int:
        """How many attempts to hold, between one per sender and sixteen."""
        return max(self._senders, min(self._most, math.ceil(self._rate * _AHEAD_SECONDS)))
