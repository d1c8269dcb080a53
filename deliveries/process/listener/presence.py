"""The row of one gunicorn worker in `workers`, kept alive for as long as it serves."""

import logging
from datetime import timedelta

from django.db import DatabaseError, connections

from deliveries.database import describe
from deliveries.process.lease import Lease, leave, register, renew
from deliveries.process.loop import Loop
from deliveries.states import ProcessType

logger = logging.getLogger(__name__)

_STOP_SECONDS = 0.5


class Presence:
    """Registers and renews in a thread of its own.

    The process holds no attempts, so nothing depends on its lease: when PostgreSQL is away it goes
    on answering, and when its row is gone it writes another.
    """

    def __init__(self, *, lease: timedelta) -> None:
        self._lease = Lease(length=lease)
        self._worker_id: int | None = None
        self._loop = Loop(name="heartbeat", step=self._step, poll=lease.total_seconds() / 3)

    def begin(self) -> None:
        self._loop.start()

    def end(self) -> None:
        """End the lease, so that nobody takes the process for one that lives."""
        self._loop.stop()
        self._loop.join(_STOP_SECONDS)
        try:
            if self._worker_id is not None:
                leave(worker_id=self._worker_id)
        except DatabaseError as error:
            logger.warning("the lease could not be ended", extra={"fault": describe(error)})
        connections.close_all()

    def _step(self) -> bool:
        if self._worker_id is None or not self._renew(self._worker_id):
            self._worker_id = register(process=ProcessType.WEB, capacity=0, lease=self._lease)
        return False

    def _renew(self, worker_id: int) -> bool:
        return renew(worker_id=worker_id, capacity=0, lease=self._lease)
