"""Hints: NOTIFY from the transaction that made work, so that nobody waits for a poll.

A hint may be lost and nothing is lost with it: every loop also polls. One connection of its own
listens, so that no other is ever blocked by waiting.
"""

import logging
import threading
from collections.abc import Mapping

import psycopg
from django.db import connection

from deliveries.backoff import Backoff
from deliveries.database import describe
from deliveries.process.loop import Wake
from deliveries.throttle import Throttle

logger = logging.getLogger(__name__)

DUE = "mail_due"  # something may be handed out
HANDED_OUT = "mail_handed_out"  # something may be claimed
_PATIENCE_SECONDS = 1.0  # how long a stop may go unnoticed


class Listener:
    """Rings the loops whose channel is notified, in a thread of its own."""

    def __init__(self, bells: Mapping[str, Wake]) -> None:
        self._bells = dict(bells)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _run(self) -> None:
        backoff, throttle = Backoff(), Throttle()
        while not self._stopping.is_set():
            try:
                self._listen(backoff)
            except Exception as error:
                if throttle.allow(describe(error)):
                    logger.warning(
                        "no hint connection, polling instead",
                        extra={"fault": describe(error)},
                        exc_info=None if isinstance(error, psycopg.Error) else error,
                    )
                self._stopping.wait(backoff.next())

    def _listen(self, backoff: Backoff) -> None:
        # all that Django's own connections take: each keyword of the DSN holds here too
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as listening:
            for channel in self._bells:
                listening.execute(
                    psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel))
                )
            backoff.reset()
            self._ring_all()  # for what happened while nobody listened
            while not self._stopping.is_set():
                for notify in listening.notifies(timeout=_PATIENCE_SECONDS, stop_after=1):
                    self._bells[notify.channel].ring()

    def _ring_all(self) -> None:
        for bell in self._bells.values():
            bell.ring()
