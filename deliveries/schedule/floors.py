"""Where the reading of a lane's index starts. Pure.

While anyone holds an old snapshot (a dump, a forgotten session), the entries of what was handed out
stay in the index and are read over by every hand-out: after some hundred thousand of them a
hand-out takes longer than a send. So a lane is read from a little before the last one that was
handed out. What may still come below that floor (given back, accepted in a long transaction) is
found when the floor is dropped, every few seconds.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from deliveries.states import Source

_SLACK = timedelta(seconds=10)  # more than any transaction of ours takes
_LIFE_SECONDS = 10.0


class Floors:
    """One floor per lane, none until something of it was handed out."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._floors: dict[Source, datetime] = {}
        self._dropped_at = clock()

    def current(self) -> Mapping[Source, datetime]:
        now = self._clock()
        if now - self._dropped_at >= _LIFE_SECONDS:
            self._floors, self._dropped_at = {}, now
        return self._floors

    def raise_to(self, source: Source, latest: datetime | None) -> None:
        """`latest` is what `hand_out` said of this lane: all before it was handed out too."""
        if latest is not None:
            self._floors[source] = latest - _SLACK
