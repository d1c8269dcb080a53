"""The life of a worker process: start-up, loops, signals, bounded shutdown."""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from django.db import DatabaseError, connections
from django_redis import get_redis_connection

from deliveries import crash
from deliveries.catalog.catalog import Catalog
from deliveries.conf import Config
from deliveries.crash import Point
from deliveries.database import describe
from deliveries.process.heartbeat import Heartbeat
from deliveries.process.hints import Listener
from deliveries.process.lease import Lease, register
from deliveries.process.logs import configure
from deliveries.process.loop import Wake
from deliveries.process.series import make_series
from deliveries.process.startup import (
    StartupError,
    configuration,
    start_up,
)
from deliveries.process.stopping import StoppedError, arrives, hold_back
from deliveries.states import ProcessType
from deliveries.telemetry import providers as telemetry
from deliveries.watchdog import Watchdog

logger = logging.getLogger(__name__)

_STATUS_SECONDS = 0.5
_RETIRE_SECONDS = 0.5
_LEAVE_SECONDS = 0.2


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
    watchdog: Watchdog


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
    hold_back()
    config = configuration()
    configure(log_level=config.log_level, log_format=config.log_format, process=process)
    try:
        context = _come_up(config, process, capacity)
    except StartupError as error:
        for line in error.lines:
            sys.stderr.write(f"{line}\n")
        return error.status
    except StoppedError:
        return 0
    worker_id = context.worker_id
    heartbeat = Heartbeat(worker_id=worker_id, capacity=capacity, lease=context.lease)
    parts = build(context)
    running = [*parts.running, *([Listener(parts.bells)] if parts.bells else [])]
    heartbeat.start()
    for part in running:
        part.start()
    logger.info("%s started", title, extra={"worker_id": worker_id})
    ending = _wait_for_end(heartbeat, context.watchdog)
    clean = _shut_down(running, heartbeat, config, ending)
    logger.info("%s stopped", title, extra={"worker_id": worker_id})
    return 0 if clean else 1


def _come_up(config: Config, process: ProcessType, capacity: int) -> Context:
    """From the checks to a row of its own on record. Raises StartupError, StoppedError."""
    catalog = start_up(config)
    telemetry.start(config=config, process=process)
    make_series(process)
    lease, watchdog = Lease(length=config.worker_lease), Watchdog(every=_STATUS_SECONDS)
    try:
        worker_id = register(process=process, capacity=capacity, lease=lease)
    except DatabaseError as error:
        raise StartupError(
            f"PostgreSQL does not record this process ({describe(error)})",
            status=os.EX_UNAVAILABLE,
        ) from None
    crash.here(Point.PROCESS_REGISTERED)
    return Context(
        config=config, catalog=catalog, worker_id=worker_id, lease=lease, watchdog=watchdog
    )


class _Ending(Enum):
    """Why a process stops."""

    ASKED = "asked"
    REVOKED = "revoked"  # its row is gone
    STUCK = "stuck"  # a thread overran its budget


def _wait_for_end(heartbeat: Heartbeat, watchdog: Watchdog) -> _Ending:
    while not heartbeat.revoked.is_set():
        if arrives(_STATUS_SECONDS):
            return _Ending.ASKED
        if (thread := watchdog.look()) is not None:
            logger.error("a thread is stuck and this process stops", extra={"stuck": thread})
            return _Ending.STUCK
    logger.error("this process is no longer on record and stops")
    return _Ending.REVOKED


def _shut_down(
    running: Sequence[Part], heartbeat: Heartbeat, config: Config, ending: _Ending
) -> bool:
    """Stop everything within the shutdown timeout; return whether nothing was left unfinished."""
    deadline = time.monotonic() + config.shutdown_timeout.total_seconds()
    if ending is _Ending.STUCK:
        heartbeat.stop()
    else:
        heartbeat.retire(seconds=_RETIRE_SECONDS)
    for part in running:
        part.stop()
    ended = [part.join(deadline - _LEAVE_SECONDS - time.monotonic()) for part in running]
    if not heartbeat.leave(until=deadline):
        logger.warning("the lease could not be ended in time")
    get_redis_connection("default").close()
    connections.close_all()
    telemetry.stop(seconds=deadline - time.monotonic())
    return all(ended) and ending is _Ending.ASKED
