"""What the front page finds. Pure: no I/O, no judgement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Lane:
    """What waits of one source. `due` and `later` stop at `readings.MOST_COUNTED`."""

    source: str
    due: int
    since: datetime | None
    later: int


@dataclass(frozen=True, slots=True)
class Sends:
    """`bars` holds (accepted, others) for each of `readings.DURATIONS` and what is above.

    `percentiles` are in seconds.
    """

    bars: tuple[tuple[int, int], ...]
    percentiles: tuple[float, float, float] | None

    @property
    def attempts(self) -> int:
        return sum(map(sum, self.bars))

    @property
    def not_accepted(self) -> int:
        return sum(others for _, others in self.bars)


@dataclass(frozen=True, slots=True)
class Readings:
    now: datetime
    lanes: tuple[Lane, ...]
    handed_out: int
    in_progress: int
    sends: Sends
    processes: tuple[Any, ...]
    lost: tuple[Any, ...]
    holds: tuple[Any, ...]
    streams: tuple[Any, ...]
    malformed: int

    @property
    def due(self) -> int:
        return sum(lane.due for lane in self.lanes)

    @property
    def later(self) -> int:
        return sum(lane.later for lane in self.lanes)

    @property
    def overdue(self) -> timedelta:
        """How long the longest due has been due; what is held does not count."""
        held = {hold.source for hold in self.holds}
        since = [lane.since for lane in self.lanes if lane.since and lane.source not in held]
        return self.now - min(since) if since else timedelta(0)
