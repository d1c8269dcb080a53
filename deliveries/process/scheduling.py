"""The scheduler process."""

from deliveries.process.hints import DUE
from deliveries.process.leadership import LEASE, lead, resign
from deliveries.process.lifecycle import Context, Parts, run
from deliveries.process.loop import Loop
from deliveries.process.policy import policy_of
from deliveries.schedule.gauges import Sampler
from deliveries.schedule.scheduler import Scheduler
from deliveries.states import ProcessType

_GAUGES = "gauges"
_LOOK_SECONDS = 1.0


def run_scheduler() -> int:
    return run(process=ProcessType.SCHEDULER, title="scheduler", build=_build)


def _build(context: Context) -> Parts:
    config = context.config
    scheduler = Scheduler(
        policy=policy_of(config),
        worker_lease=config.worker_lease,
        longest_attempt=config.smtp_timeout + config.smtp_final_reply_timeout + config.worker_lease,
    )
    loop = Loop(
        name="scheduler",
        step=scheduler.step,
        poll=config.scheduler_poll_interval.total_seconds(),
        on_fault=scheduler.note_fault,
    )
    return Parts(running=[loop, _gauges(context)], bells={DUE: loop.wake})


def _gauges(context: Context) -> Loop:
    """A thread of its own: what it asks may take as long as its limit."""
    sampler = Sampler(
        lead=lambda: lead(name=_GAUGES, worker_id=context.worker_id),
        lease=LEASE,
        ladder=context.config.retry_ladder,
    )
    return Loop(
        name=_GAUGES,
        step=sampler.step,
        poll=_LOOK_SECONDS,
        at_end=lambda: resign(name=_GAUGES, worker_id=context.worker_id),
    )
