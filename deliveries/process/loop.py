"""The one loop of every worker thread: step, wait for a hint or the poll, survive faults."""

import logging
import threading
from collections.abc import Callable

import redis
from django.db import DatabaseError, close_old_connections, connections

from deliveries.backoff import Backoff
from deliveries.database import Fault, TransientErrors, describe, fault_of
from deliveries.throttle import Throttle
from deliveries.watchdog import Watchdog

logger = logging.getLogger(__name__)

# A step is a few statements, each bounded by the session's timeouts: one that takes longer than all
# of them together will never end.
STEP_SECONDS = 300.0


class Wake:
    """A bell for one loop: rung by a hint, a neighbour or the shutdown."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)
        self._event.clear()


class Loop:
    """Calls `step` until it is stopped, in a thread of its own.

    A step does one bounded unit of work and says whether more waits: then it is called again at
    once, else after a ring of `wake` or `poll` seconds. A fault of a server is waited out, with
    growing waits, of at most `longest_wait`, and one log line a minute; `on_fault` lets the owner
    forget what it believed. `at_end` is called once, in the loop's own thread, after the last step.
    `longest_join` bounds, in s, how long the shutdown waits for its last step: what is joined after
    it needs time too.
    """

    def __init__(
        self,
        *,
        name: str,
        step: Callable[[], bool],
        poll: float,
        wake: Wake | None = None,
        on_fault: Callable[[], None] | None = None,
        at_end: Callable[[], None] | None = None,
        longest_wait: float = 5.0,
        longest_join: float = float("inf"),
        watchdog: Watchdog | None = None,
    ) -> None:
        self.name = name
        self.wake = wake or Wake()
        self._step = step
        self._poll = poll
        self._on_fault = on_fault
        self._at_end = at_end
        self._longest_join = longest_join
        self._stopping = threading.Event()
        self._watchdog = watchdog or Watchdog()
        self._backoff = Backoff(longest=longest_wait)
        self._throttle = Throttle()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the loop to end after the step that it is in; does not wait."""
        self._stopping.set()
        self.wake.ring()

    def join(self, seconds: float) -> bool:
        """Wait for the loop's end; return whether it came."""
        self._thread.join(max(0.0, min(seconds, self._longest_join)))
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
            if self._at_end is not None:
                self._end(self._at_end)
        finally:
            connections.close_all()

    def _end(self, at_end: Callable[[], None]) -> None:
        try:
            at_end()
        except DatabaseError as error:
            logger.warning(
                "loop did not end cleanly", extra={"loop": self.name, "fault": describe(error)}
            )

    def _turn(self) -> None:
        # A connection that the server ended stays dead until it is looked at.
        close_old_connections()
        try:
            with self._watchdog.allow(self.name, STEP_SECONDS):
                more = self._step()
        except Exception as error:  # noqa: BLE001 - the boundary: no fault may end the loop
            self._wait_out(error)
            return
        self._backoff.reset()
        if not more:
            self.wake.wait(self._poll)

    def _wait_out(self, error: Exception) -> None:
        if self._on_fault is not None:
            self._on_fault()
        if self._throttle.allow(describe(error)):
            logger.error(
                "loop waits after a fault",
                extra={"loop": self.name, "fault": describe(error)},
                exc_info=None if is_outage(error) else error,
            )
        self._stopping.wait(self._backoff.next())


def is_outage(error: Exception) -> bool:
    """Whether a server is away or unwell, which needs no stack trace."""
    if isinstance(error, redis.RedisError):
        return True
    return isinstance(error, TransientErrors) or fault_of(error) is Fault.SERVER
