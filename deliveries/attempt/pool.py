"""The attempt worker pool: one thread claims, many send, one records."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from django.db import DatabaseError

from deliveries import crash
from deliveries.attempt.content import Budget, is_large
from deliveries.attempt.holdings import Holdings
from deliveries.attempt.inbox import Claimed, Inbox
from deliveries.attempt.pace import Pace
from deliveries.attempt.recorder import Recorder
from deliveries.attempt.sender import Ending, Expired, GivenBack, Sender
from deliveries.crash import Point
from deliveries.database import describe
from deliveries.throttle import Throttle
from deliveries.transitions.claim import claim, give_back
from deliveries.watchdog import Watchdog

logger = logging.getLogger(__name__)

_ALL_LANES = 2
_FIRST_LANE = 0
# `join` needs this much of the shutdown: to abort the sends, to wait for their threads, to record
SHUTDOWN_RESERVE = 2.0
_RECORD_SECONDS = 1.0
_CUT_SECONDS = 0.2  # for an aborted thread to notice


class Pool:
    """Holds the claimed attempts of this process, and ends them all in bounded time.

    A quarter of the senders, one at least, serve the first lane only. Without `holds_ready` no more
    is claimed than can begin at once. What has not begun within `longest_wait` seconds of its claim
    goes back.
    """

    def __init__(
        self,
        *,
        worker_id: int,
        senders: Sequence[Sender],
        stopping: threading.Event,
        ring: Callable[[], None],
        shutdown_seconds: float,
        holds_ready: bool = True,
        longest_wait: float = 5.0,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._worker_id = worker_id
        self._senders = senders
        self._stopping = stopping
        self._shutdown_seconds = shutdown_seconds
        self._reserved = max(1, len(senders) // 4)
        self._holds_ready = holds_ready
        self._longest_wait = longest_wait
        self._inbox = Inbox(low=ring, tells_idle=not holds_ready)
        self._holdings = Holdings(worker_id=worker_id)
        self._budget = Budget()
        self._pace = Pace(senders=len(senders))
        self._recorder = Recorder(
            worker_id=worker_id, on_written=self._note_written, watchdog=watchdog
        )
        self._threads = [
            threading.Thread(
                target=self._work,
                args=(sender, number < self._reserved),
                name=f"sender-{number}",
                daemon=True,
            )
            for number, sender in enumerate(senders)
        ]
        self._deadline = float("inf")
        self._throttle = Throttle()

    def step(self) -> bool:
        """Claim what there is room for; whether more waits. The step of the claiming loop."""
        self._holdings.settle()
        stale = self._inbox.take_stale(older_than=self._longest_wait)
        if stale:
            self._recorder.give_back([claimed.row.attempt_id for claimed in stale])
        if not self._holds_ready:
            return self._claim_for_idle()
        first, rest = self._inbox.depths()
        ahead = self._pace.ahead
        if rest <= ahead // 2:
            return self._claim(ahead - rest, _ALL_LANES)
        # room for few: leave them until there is some for many, but let login codes through
        return first < self._reserved and self._claim(self._reserved, _FIRST_LANE)

    def start(self) -> None:
        self._recorder.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Start nothing more; what is under way has until two seconds before the deadline."""
        self._deadline = time.monotonic() + self._shutdown_seconds - _RECORD_SECONDS
        self._stopping.set()
        self._recorder.give_back([claimed.row.attempt_id for claimed in self._inbox.close()])

    def join(self, seconds: float) -> bool:
        """Wait for the senders, cut short those that are late, write every outcome."""
        deadline = min(self._deadline, time.monotonic() + seconds - _RECORD_SECONDS)
        self._join_senders(deadline - (SHUTDOWN_RESERVE - _RECORD_SECONDS))
        for sender in self._senders:
            sender.provider.abort()
        self._join_senders(deadline)
        for sender in self._senders:
            sender.provider.give_up()
        self._join_senders(deadline + _CUT_SECONDS)
        for sender, thread in zip(self._senders, self._threads, strict=True):
            if not thread.is_alive():
                sender.provider.close()
        written = self._recorder.close(_RECORD_SECONDS - 2 * _CUT_SECONDS)
        return written and not any(thread.is_alive() for thread in self._threads)

    def _claim(self, room: int, last_lane: int) -> bool:
        if self._stopping.is_set():
            return False
        asked_at = time.monotonic()
        try:
            rows = claim(worker_id=self._worker_id, limit=room, last_lane=last_lane)
        except DatabaseError:
            self._holdings.suspect()
            raise
        if rows:
            crash.here(Point.ATTEMPT_CLAIMED)
            claimed = [row.attempt_id for row in rows]
            self._holdings.take(claimed)
            if not self._inbox.put(rows, at=asked_at):
                # closed: the recorder may have ended before this claim was answered
                give_back(worker_id=self._worker_id, attempt_ids=claimed)
                self._holdings.drop(claimed)
        return len(rows) == room

    def _claim_for_idle(self) -> bool:
        """Claim nothing that would wait here: lost with this process, it would count as unknown."""
        reserved, others = self._inbox.room()
        more = others > 0 and self._claim(others, _ALL_LANES)
        if reserved:
            more |= self._claim(reserved, _FIRST_LANE)
        return more

    def _join_senders(self, until: float) -> None:
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self, sender: Sender, reserved: bool) -> None:  # noqa: FBT001 - a thread's argument
        while (claimed := self._inbox.take(reserved=reserved)) is not None:
            try:
                self._record(claimed, self._send(sender, claimed))
            except Exception as error:  # noqa: BLE001 - the boundary: no fault may end the thread
                self._break_off(sender, claimed, error)
                time.sleep(_RECORD_SECONDS)

    def _break_off(self, sender: Sender, claimed: Claimed, error: Exception) -> None:
        """With the database away while content is read, or after a defect of ours.

        The first is given back. The second uses a rung: given back it would be the oldest again,
        and a few like it would hold every sender for ever.
        """
        told = {"delivery_id": claimed.row.delivery_id, "fault": describe(error)}
        if isinstance(error, DatabaseError) and not sender.may_have_sent:
            if self._throttle.allow(f"given back {describe(error)}"):
                logger.error("attempt given back after a fault", extra=told, exc_info=error)
            self._record(claimed, GivenBack())
            return
        if self._throttle.allow(f"broken {describe(error)}"):
            logger.error("attempt broken by a defect", extra=told, exc_info=error)
        self._record(claimed, sender.broken(claimed))

    def _send(self, sender: Sender, claimed: Claimed) -> Ending:
        until = claimed.at + self._longest_wait
        if time.monotonic() >= until:
            return GivenBack()  # the claiming loop is stuck, or it would have gone back from there
        if not is_large(claimed.row):
            return sender.send(claimed)
        with self._budget.spend(claimed.row.content_bytes, until=until) as may_begin:
            return sender.send(claimed) if may_begin else GivenBack()

    def _record(self, claimed: Claimed, ending: Ending) -> None:
        attempt_id = claimed.row.attempt_id
        if isinstance(ending, Expired):
            self._recorder.expired(attempt_id)
        elif isinstance(ending, GivenBack):
            self._recorder.give_back([attempt_id])
        else:
            self._recorder.completed(attempt_id, ending)

    def _note_written(self, attempt_ids: list[int]) -> None:
        self._holdings.drop(attempt_ids)
        self._pace.note(finished=len(attempt_ids), now=time.monotonic())
