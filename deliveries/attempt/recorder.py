"""The outcomes of finished attempts, written in batches by one thread."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections

from deliveries import crash
from deliveries.backoff import Backoff
from deliveries.crash import Point
from deliveries.database import Fault, atomic, describe, fault_of
from deliveries.outcome.counting import count_expired, count_outcomes
from deliveries.outcome.log_lines import log_outcome
from deliveries.throttle import Throttle
from deliveries.transitions.claim import give_back
from deliveries.transitions.completion import complete
from deliveries.transitions.expiry import expire_in_hand
from deliveries.transitions.records import Completion
from deliveries.transitions.recovery import reopen, written
from deliveries.watchdog import Watchdog

logger = logging.getLogger(__name__)

_BATCH = 100
_GATHER_SECONDS = 0.02
_WRITE_SECONDS = 300.0  # more than all statements of a batch may take together


@dataclass(slots=True)
class Outcomes:
    """What has ended and is not written yet."""

    completed: list[tuple[int, Completion]] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)
    expired: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.completed) + len(self.given_back) + len(self.expired)

    @property
    def attempt_ids(self) -> list[int]:
        return [*(attempt_id for attempt_id, _ in self.completed), *self.given_back, *self.expired]

    def apart(self) -> "list[Outcomes]":
        """Each completion alone, which has values that the database may refuse; and the rest."""
        rest = Outcomes(given_back=self.given_back, expired=self.expired)
        return [*(Outcomes(completed=[one]) for one in self.completed), *([rest] if rest else [])]


class Recorder:
    """Gathers outcomes for some milliseconds and writes them in one transaction.

    A batch that could not be written is kept and tried again: if it was written after all, its
    guards keep a second try from changing anything.
    """

    def __init__(
        self,
        *,
        worker_id: int,
        on_written: Callable[[list[int]], None],
        watchdog: Watchdog | None = None,
    ) -> None:
        self._worker_id = worker_id
        self._on_written = on_written
        self._watchdog = watchdog or Watchdog()
        self._changed = threading.Condition()
        self._pending = Outcomes()
        self._closing = False
        self._backoff = Backoff()
        self._throttle = Throttle()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def completed(self, attempt_id: int, completion: Completion) -> None:
        with self._adding() as pending:
            pending.completed.append((attempt_id, completion))

    def give_back(self, attempt_ids: list[int]) -> None:
        with self._adding() as pending:
            pending.given_back.extend(attempt_ids)

    def expired(self, attempt_id: int) -> None:
        with self._adding() as pending:
            pending.expired.append(attempt_id)

    @contextmanager
    def _adding(self) -> Iterator[Outcomes]:
        """Wakes the recorder for the first of a batch and for a full one, not for each: waking a
        thread costs more than everything else that is done here.
        """
        with self._changed:
            before = len(self._pending)
            yield self._pending
            if before == 0 or before < _BATCH <= len(self._pending):
                self._changed.notify()

    def close(self, seconds: float) -> bool:
        """Write what is left, for at most so long; return whether all of it was."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (batch := self._gather()) is not None:
                self._write_until_written(batch)
        finally:
            connections.close_all()

    def _gather(self) -> Outcomes | None:
        """The next batch; None when everything is written and nothing more will come."""
        with self._changed:
            while not len(self._pending):
                if self._closing:
                    return None
                self._changed.wait()
            until = time.monotonic() + _GATHER_SECONDS
            while len(self._pending) < _BATCH and not self._closing:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            batch, self._pending = self._pending, Outcomes()
            return batch

    def _write_until_written(self, batch: Outcomes) -> None:
        while True:
            try:
                with self._watchdog.allow("recorder", _WRITE_SECONDS):
                    self._write(batch)
            except Exception as error:  # noqa: BLE001 - the boundary: an outcome is never dropped
                if fault_of(error) is Fault.ENTRY:
                    self._write_apart(batch)
                    return
                if self._throttle.allow(describe(error)):
                    logger.warning("outcomes wait to be written", extra={"fault": describe(error)})
                connections.close_all()
                time.sleep(self._backoff.next())
            else:
                self._backoff.reset()
                return

    def _write_apart(self, batch: Outcomes) -> None:
        """The database refuses one of them for its values: it must not hold up the others."""
        if len(batch) > 1:
            for part in batch.apart():
                self._write_until_written(part)
        else:
            logger.error("outcome cannot be written", extra={"attempt_ids": batch.attempt_ids})

    def _write(self, batch: Outcomes) -> None:
        with atomic():
            moved = self._complete(batch.completed)
            late = self._complete_late(batch.completed, moved)
            give_back(worker_id=self._worker_id, attempt_ids=batch.given_back)
            expired = expire_in_hand(worker_id=self._worker_id, attempt_ids=batch.expired)
            crash.here(Point.OUTCOMES_WRITTEN)
        crash.here(Point.OUTCOMES_COMMITTED)
        self._on_written(batch.attempt_ids)
        count_outcomes([*moved, *late], dict(batch.completed))
        count_expired(expired)
        self._report(batch, [*moved, *late])

    def _complete(self, completed: list[tuple[int, Completion]]) -> list[Any]:
        return complete([(attempt_id, self._worker_id, done) for attempt_id, done in completed])

    def _complete_late(
        self, completed: list[tuple[int, Completion]], moved: list[Any]
    ) -> list[Any]:
        """What was no longer in progress: recovered meanwhile, or written by an earlier try.

        Recovery is undone where the delivery has not been handed out since.
        """
        if len(moved) == len(completed):
            return []
        here = {row.attempt_id for row in moved}
        missing = {attempt_id: done for attempt_id, done in completed if attempt_id not in here}
        again = reopen(
            worker_id=self._worker_id,
            attempt_ids=list(missing),
            ends=[done.status is not None for done in missing.values()],
        )
        if again:
            logger.info("late outcomes recorded", extra={"attempt_ids": sorted(again)})
        standing = written(
            worker_id=self._worker_id,
            attempt_ids=list(missing),
            statuses=[done.attempt.status for done in missing.values()],
        )
        return [
            *self._complete([(attempt_id, missing[attempt_id]) for attempt_id in again]),
            *standing,
        ]

    def _report(self, batch: Outcomes, moved: list[Any]) -> None:
        by_attempt = {row.attempt_id: row for row in moved}
        for attempt_id, done in batch.completed:
            row = by_attempt.get(attempt_id)
            if row is None:
                logger.warning("late outcome not recorded", extra={"attempt_id": attempt_id})
                continue
            log_outcome(row, done)
