"""The prune process."""

import os
import signal
from collections.abc import Mapping

from deliveries.process.leadership import lead, resign
from deliveries.process.lifecycle import Context, Parts, run
from deliveries.process.loop import Loop, Wake
from deliveries.process.series import PRUNED_TABLES
from deliveries.retention.pruner import Pruner
from deliveries.states import ProcessType
from deliveries.telemetry import metrics

_LEADERSHIP = "retention"


def prune(*, once: bool) -> int:
    """Run rounds of retention until the process is asked to end, or one round."""
    return run(
        process=ProcessType.PRUNE,
        title="SQL retention worker",
        build=lambda context: _build(context, once=once),
    )


def _count_removed(removed: Mapping[str, int]) -> None:
    for table in PRUNED_TABLES:
        if count := removed.get(table):
            metrics.PRUNED.add(count, table=table)


def _build(context: Context, *, once: bool) -> Parts:
    wake = Wake()

    def resign_here() -> None:
        resign(name=_LEADERSHIP, worker_id=context.worker_id)

    pruner = Pruner(
        config=context.config,
        lead=lambda: lead(name=_LEADERSHIP, worker_id=context.worker_id),
        resign=resign_here,
        rest=wake.wait,
        on_removed=_count_removed,
    )

    def step() -> bool:
        more = pruner.step()
        if once and not more:
            os.kill(os.getpid(), signal.SIGTERM)  # ends as if a supervisor had asked for it
        return more

    loop = Loop(
        name="retention",
        step=step,
        poll=context.config.prune_interval.total_seconds(),
        wake=wake,
        on_fault=pruner.note_fault,
        at_end=resign_here,
        watchdog=context.watchdog,
    )
    return Parts(running=[loop], bells={})
