"""The life of a worker process: start-up, loops, signals, bounded shutdown.

Signals are blocked before any thread starts and taken by the main thread with `sigtimedwait`: a
handler that sets an Event can deadlock against a thread that waits for it.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db import DatabaseError, connections
from django_redis import get_redis_connection

from deliveries.catalog.catalog import Catalog
from deliveries.conf import Config
from deliveries.database import describe
from deliveries.process.hints import Listener
from deliveries.process.lease import Lease, leave, register, renew
from deliveries.process.logs import configure
from deliveries.process.loop import Loop, Wake
from deliveries.process.startup import StartupError, configuration, start_up
from deliveries.states import ProcessType
from deliveries.telemetry import providers as telemetry

logger = logging.getLogger(__name__)

_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
_STATUS_SECONDS = 0.5


class Part(Protocol):
    """Something of a process that runs in threads of its own."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def join(self, seconds: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a process is given once its start-up is done."""

    config: Config
    catalog: Catalog
    worker_id: int
    lease: Lease


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a process, in the order of their start and of their stop."""

    running: Sequence[Part]
    bells: Mapping[str, Wake]


def run(
    *,
    process: ProcessType,
    title: str,
    build: Callable[[Context], Parts],
    capacity: int = 0,
) -> int:
    """Run a worker process to its end; return its exit status.

    `title` names it in its start line and its stop line.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    config = configuration()
    configure(log_level=config.log_level, log_format=config.log_format, process=process)
    try:
        catalog = start_up(config)
    except StartupError as error:
        for line in error.lines:
            sys.stderr.write(f"{line}\n")
        return error.status
    telemetry.start(config=config, process=process)
    lease = Lease(length=config.worker_lease)
    worker_id = register(process=process, capacity=capacity, lease=lease)
    context = Context(config=config, catalog=catalog, worker_id=worker_id, lease=lease)
    heartbeat = _Heartbeat(context)
    parts = build(context)
    running = [*parts.running, *([Listener(parts.bells)] if parts.bells else [])]
    for part in (heartbeat.loop, *running):
        part.start()
    logger.info("%s started", title, extra={"worker_id": worker_id})
    _wait_for_signal(heartbeat)
    clean = _shut_down(running, heartbeat, context)
    logger.info("%s stopped", title, extra={"worker_id": worker_id})
    return 0 if clean else 1


class _Heartbeat:
    """Renews the lease at a third of its length, until everything else has stopped."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.revoked = threading.Event()
        self.loop = Loop(
            name="heartbeat",
            step=self._step,
            poll=context.config.worker_lease.total_seconds() / 3,
        )

    def _step(self) -> bool:
        if not renew(worker_id=self._context.worker_id, lease=self._context.lease):
            self.revoked.set()
        return False


def _wait_for_signal(heartbeat: _Heartbeat) -> None:
    while not heartbeat.revoked.is_set():
        taken = signal.sigtimedwait(_SIGNALS, _STATUS_SECONDS)
        # SIGCONT cuts the wait short, and one past its time then answers with no signal at all
        if taken is not None and taken.si_signo in _SIGNALS:
            return
    logger.error("this process is no longer on record and stops")


def _shut_down(running: Sequence[Part], heartbeat: _Heartbeat, context: Context) -> bool:
    """Stop everything within the shutdown timeout; return whether nothing had to be left."""
    deadline = time.monotonic() + context.config.shutdown_timeout.total_seconds()
    for part in running:
        part.stop()
    ended = [part.join(deadline - time.monotonic()) for part in running]
    heartbeat.loop.stop()
    ended.append(heartbeat.loop.join(min(1.0, deadline - time.monotonic())))
    try:
        leave(worker_id=context.worker_id)
    except DatabaseError as error:
        logger.warning("the lease could not be ended", extra={"fault": describe(error)})
    get_redis_connection("default").close()
    connections.close_all()
    telemetry.stop(seconds=deadline - time.monotonic())
    return all(ended) and not heartbeat.revoked.is_set()
