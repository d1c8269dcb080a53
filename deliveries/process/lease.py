"""The lease of this process: its row in `workers`, kept alive by a heartbeat.

The row holds the lease by the database's clock, for the schedulers that look for the lost. The
process itself trusts only its own monotonic clock, read before the renewal was asked for: it stops
believing in its lease before anyone else does.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from deliveries.database import Statement
from deliveries.states import ProcessType

REGISTER = Statement(
    name="process.register",
    purpose="a new row for a process that starts",
    sql="""
INSERT INTO workers (type, host, pid, capacity, lease_until)
VALUES (%(type)b::text, %(host)b::text, %(pid)b::integer, %(capacity)b::smallint,
        now() + %(lease)b::interval)
RETURNING id
""",
)

RENEW = Statement(
    name="process.renew",
    purpose="the heartbeat of a process",
    sql="""
UPDATE workers SET last_seen_at = now(), lease_until = now() + %(lease)b::interval,
  capacity = %(capacity)b::smallint
WHERE id = %(worker_id)b::bigint RETURNING id
""",
)

LEAVE = Statement(
    name="process.leave",
    purpose="end the lease of a process that stops, so that nobody waits for it",
    sql="UPDATE workers SET last_seen_at = now(), lease_until = now() WHERE id = %(worker_id)b",
)


class Lease:
    """What this process may believe of its lease. Threads may ask while the heartbeat renews."""

    def __init__(self, *, length: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self.length = length
        self.clock = clock
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._held_since = float("inf")
        self._ended = False

    def renewed(self, *, asked_at: float) -> None:
        """The database confirmed a renewal that was asked for at `asked_at`."""
        with self._lock:
            if self._ended:
                return
            if self.clock() >= self._until:
                self._held_since = asked_at
            self._until = asked_at + self.length.total_seconds()

    def end(self) -> None:
        """Assume no lease from now on: the process is about to leave, whatever still runs."""
        with self._lock:
            self._ended = True
            self._until = float("-inf")

    def held_since(self, moment: float) -> bool:
        """Whether the lease is held now and has been held without a gap since `moment`."""
        with self._lock:
            return self.clock() < self._until and self._held_since <= moment


def register(*, process: ProcessType, capacity: int, lease: Lease) -> int:
    """Write this process's row and return its id."""
    asked_at = lease.clock()
    row = REGISTER.fetch(
        type=process,
        host=socket.gethostname(),
        pid=os.getpid(),
        capacity=capacity,
        lease=lease.length,
    )[0]
    lease.renewed(asked_at=asked_at)
    worker_id: int = row.id
    return worker_id


def renew(*, worker_id: int, capacity: int, lease: Lease) -> bool:
    """One heartbeat. False when the row is gone: the lease cannot be had again.

    `capacity` 0 says that this process takes no more work.
    """
    asked_at = lease.clock()
    if not RENEW.fetch(worker_id=worker_id, capacity=capacity, lease=lease.length):
        return False
    lease.renewed(asked_at=asked_at)
    return True


def leave(*, worker_id: int) -> None:
    LEAVE.fetch(worker_id=worker_id)
