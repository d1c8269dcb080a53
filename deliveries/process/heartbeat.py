"""The heartbeat: renews this process's lease until everything else has stopped, then ends it."""

import logging
import threading
import time

from deliveries import crash
from deliveries.crash import Point
from deliveries.process.lease import Lease, leave, renew
from deliveries.process.loop import Loop

logger = logging.getLogger(__name__)

_BEATS = 3  # a lease


class Heartbeat:
    """Beats in a thread and on a connection of its own, so that nothing else can delay it."""

    def __init__(self, *, worker_id: int, capacity: int, lease: Lease) -> None:
        self._worker_id = worker_id
        self._capacity = capacity
        self._lease = lease
        self._retired = threading.Event()
        self._leaves = False
        self.revoked = threading.Event()
        interval = lease.length.total_seconds() / _BEATS
        self._loop = Loop(
            name="heartbeat",
            step=self._beat,
            poll=interval,
            longest_wait=interval,
            at_end=self._leave,
        )

    def start(self) -> None:
        self._loop.start()

    def retire(self, *, seconds: float) -> None:
        """Take no more work; wait at most so long for that to be known."""
        if self._capacity:
            self._capacity = 0
            self._loop.wake.ring()
            self._retired.wait(seconds)
        crash.here(Point.PROCESS_RETIRED)

    def stop(self) -> None:
        """Stop beating, and leave the lease to run out by itself."""
        self._loop.stop()

    def leave(self, *, until: float) -> bool:
        """End the lease, so that nobody waits for it; whether that was done in time."""
        crash.here(Point.PROCESS_LEAVING)
        self._lease.end()
        self._leaves = True
        self._loop.stop()
        return self._loop.join(until - time.monotonic())

    def _beat(self) -> bool:
        capacity = self._capacity
        if not renew(worker_id=self._worker_id, capacity=capacity, lease=self._lease):
            self.revoked.set()
        elif capacity == 0:
            self._retired.set()
        return False

    def _leave(self) -> None:
        if self._leaves:
            leave(worker_id=self._worker_id)
