"""What has given no sign of change for too long, as one observer saw it. Pure."""

from collections.abc import Mapping
from datetime import datetime


class Silence:
    """Watches by the observer's own monotonic clock, for so many `seconds`: a worker by when it was
    last seen, an attempt by when it began.

    An item is lost when it has been watched for that long without a change. A fault of the
    database, or a pause of this observer, restarts the watch, so a clock jump or an outage loses
    nobody.
    """

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._longest_pause = seconds / 2
        self._since: dict[int, tuple[datetime, float]] = {}
        self._observed_at = float("-inf")

    def observe(self, seen: Mapping[int, datetime], *, now: float) -> dict[int, datetime]:
        """Note what each shows now; return those that are lost."""
        if now - self._observed_at > self._longest_pause:
            self.forget()
        self._observed_at = now
        self._since = {key: self._noted(key, at, now) for key, at in seen.items()}
        return {key: at for key, (at, since) in self._since.items() if self._is_over(since)}

    def forget(self) -> None:
        """Restart the watch: the database was away."""
        self._since = {}

    def _noted(self, key: int, at: datetime, now: float) -> tuple[datetime, float]:
        known = self._since.get(key)
        return known if known is not None and known[0] == at else (at, now)

    def _is_over(self, since: float) -> bool:
        return self._observed_at - since >= self._seconds
