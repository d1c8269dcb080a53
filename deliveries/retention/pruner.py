"""One round of retention, one bounded page per step, with rests between them.

A round may end anywhere, by a signal, a fault or a kill: every page is a transaction of its own,
and the next round starts from the beginning again.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deliveries import crash
from deliveries.conf import Config
from deliveries.crash import Point
from deliveries.database import Statement, atomic
from deliveries.retention.stages import STAGES, tables_of
from deliveries.throttle import Throttle

logger = logging.getLogger(__name__)

_LARGEST_PAGE, _SMALLEST_PAGE = 2_000, 50
# A page that takes longer is halved, one that takes less than half of it is doubled.
_PAGE_SECONDS = 0.2
# So many seconds of rest for each second of work: sending has nine tenths of the server.
_RESTS = 9.0
# below the leadership's lease, which is renewed once a step
_LONGEST_REST_SECONDS = 1.5
_PROGRESS_SECONDS = 30.0

# The time limits are this transaction's only. Its commit does not wait for the disk: what a crash
# of the server brings back, the next round removes again.
BOUND = Statement(
    name="retention.bound",
    purpose="make this transaction one that gives up early and commits without waiting",
    sql="""
SELECT set_config('statement_timeout', '5s', true) AS statement_timeout,
       set_config('lock_timeout', '500ms', true) AS lock_timeout,
       set_config('synchronous_commit', 'off', true) AS synchronous_commit
""",
)

Lead = Callable[[], int | None]
Removed = Callable[[Mapping[str, int]], None]


@dataclass(slots=True)
class _Round:
    """Where a round is: the stage, the last key it looked at, and what it has removed so far."""

    started: float
    stage: int = 0
    after: int = 0
    removed: Counter[str] = field(default_factory=Counter)


class Pruner:
    """Any number may run: the one that leads works, the others skip the round.

    `lead` takes or keeps the leadership, None while another process has it; `resign` gives it up.
    `rest` waits, for so many seconds or until the process stops. `on_removed` is told what each
    page removed, a count for each table.
    """

    def __init__(
        self,
        *,
        config: Config,
        lead: Lead,
        resign: Callable[[], None],
        rest: Callable[[float], None],
        on_removed: Removed = lambda _removed: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._lead = lead
        self._resign = resign
        self._rest = rest
        self._on_removed = on_removed
        self._clock = clock
        self._page = _LARGEST_PAGE
        self._progress = Throttle(seconds=_PROGRESS_SECONDS, clock=clock)
        self._round: _Round | None = None

    def step(self) -> bool:
        """Remove one page; whether the round goes on."""
        if self._lead() is None:
            logger.info("another process prunes, this round is skipped")
            self._round = None
            return False
        now = self._clock()
        if self._round is None:
            self._round = _Round(started=now)
            self._progress.allow("progress")
        current = self._round
        self._remove_page(current)
        took = self._clock() - now
        self._pace(took)
        if current.stage == len(STAGES):
            self._finish(current)
            return False
        if self._progress.allow("progress"):
            self._tell("retention round goes on", current, stage=STAGES[current.stage].name)
        self._rest(min(took * _RESTS, _LONGEST_REST_SECONDS))
        return True

    def note_fault(self) -> None:
        """After a fault the same page is tried again, a shorter one: it may have taken too long."""
        self._page = max(_SMALLEST_PAGE, self._page // 2)

    def _remove_page(self, current: _Round) -> None:
        stage = STAGES[current.stage]
        with atomic():
            BOUND.fetch()
            row: Any = stage.remove(current.after, self._page, stage.keep(self._config))
            removed = {table: count for table, count in tables_of(row).items() if count}
            if removed:
                crash.here(Point.PAGE_REMOVING)
        current.removed.update(removed)
        if removed:
            crash.here(Point.PAGE_REMOVED)
        self._on_removed(removed)
        if row.last is None or not row.reached:
            current.stage, current.after = current.stage + 1, 0
        else:
            current.after = row.last

    def _pace(self, took: float) -> None:
        if took > _PAGE_SECONDS:
            self._page = max(_SMALLEST_PAGE, self._page // 2)
        elif took < _PAGE_SECONDS / 2:
            self._page = min(_LARGEST_PAGE, self._page * 2)

    def _finish(self, current: _Round) -> None:
        self._tell("retention round finished", current)
        self._round = None
        self._resign()

    def _tell(self, message: str, current: _Round, **more: object) -> None:
        seconds = round(self._clock() - current.started, 1)
        logger.info(message, extra={**current.removed, "seconds": seconds, **more})
