"""Which workers have been silent for a whole lease, as one observer saw it. Pure."""

from collections.abc import Mapping
from datetime import datetime


class Silence:
    """Watches when workers were last seen, by the observer's own monotonic clock.

    A worker counts as lost once it was watched for a whole lease and gave no sign. So nobody is
    lost for a jump of the database's clock, nor before the observer has reached the database
    without a fault, and without being frozen itself, for as long: either starts the watch anew.
    """

    def __init__(self, *, lease_seconds: float) -> None:
        self._lease = lease_seconds
        self._longest_pause = lease_seconds / 2
        self._since: dict[int, tuple[datetime, float]] = {}
        self._observed_at = float("-inf")

    def observe(self, seen: Mapping[int, datetime], *, now: float) -> dict[int, datetime]:
        """Note when each worker was last seen; return those that are lost."""
        if now - self._observed_at > self._longest_pause:
            self.forget()
        self._observed_at = now
        self._since = {worker: self._noted(worker, at, now) for worker, at in seen.items()}
        return {worker: at for worker, (at, since) in self._since.items() if self._is_over(since)}

    def forget(self) -> None:
        """Watch anew: the database was away."""
        self._since = {}

    def _noted(self, worker: int, at: datetime, now: float) -> tuple[datetime, float]:
        known = self._since.get(worker)
        return known if known is not None and known[0] == at else (at, now)

    def _is_over(self, since: float) -> bool:
        return self._observed_at - since >= self._lease
