"""One step of the scheduler: the lanes in their order."""

import logging
import time
from collections.abc import Callable

from deliveries import crash
from deliveries.crash import Point
from deliveries.schedule.floors import Floors
from deliveries.throttle import Throttle
from deliveries.transitions.handout import BEGINNING, hand_out, look_ahead

logger = logging.getLogger(__name__)

BATCH = 500
# A lane holds this many attempts ready for each send that can be under way: some tenths of a second
# of work for a fast relay, and little to take back from a slow one.
HANDED_OUT_PER_SEND = 16
_ACTIVITY_SECONDS = 25.0
# Its steps write the line of activity, every 30 s at least: the loop waits no longer between two.
LONGEST_WAIT_SECONDS = 4.0


class Scheduler:
    """Any number may run: claims skip what another one has locked."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._handed_out = 0
        self._floors = Floors(clock=clock)
        self._activity = Throttle(seconds=_ACTIVITY_SECONDS, clock=clock)

    def step(self) -> bool:
        """One round over every lane; whether more waits in one."""
        more = self._hand_out_lanes()
        if self._activity.allow("activity"):
            logger.info("scheduler active", extra={"handed_out": self._handed_out})
            self._handed_out = 0
        return more

    def _hand_out_lanes(self) -> bool:
        floors = self._floors.current()
        capacity, due = look_ahead(floors)
        bound, more = capacity * HANDED_OUT_PER_SEND, False
        if bound == 0:
            return False
        for source in due:
            floor = floors.get(source, BEGINNING)
            handed = hand_out(source=source, bound=bound, batch=BATCH, floor=floor)
            self._floors.raise_to(source, handed.latest)
            self._handed_out += handed.count
            more |= handed.is_full
            if handed.count:
                crash.here(Point.SCHEDULER_HANDED_OUT)
        return more
