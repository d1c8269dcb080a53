"""The scheduler process."""

from deliveries.process.hints import DUE
from deliveries.process.leadership import MAINTENANCE, MAINTENANCE_LEASE, lead, resign
from deliveries.process.lifecycle import Context, Parts, run
from deliveries.process.loop import Loop
from deliveries.process.policy import policy_of
from deliveries.schedule.gauges import Sampler
from deliveries.schedule.maintenance import Maintenance
from deliveries.schedule.scheduler import LONGEST_WAIT_SECONDS, Scheduler
from deliveries.states import ProcessType

_ROUND_SECONDS = 1.0
_LOOK_SECONDS = 0.5  # the leadership holds for 2 s, and the gauges with it


def run_scheduler() -> int:
    return run(process=ProcessType.SCHEDULER, title="scheduler", build=_build)


def _build(context: Context) -> Parts:
    config = context.config
    scheduler = Scheduler()
    lanes = Loop(
        name="scheduler",
        step=scheduler.step,
        poll=min(config.scheduler_poll_interval.total_seconds(), LONGEST_WAIT_SECONDS),
        watchdog=context.watchdog,
    )
    maintenance = Maintenance(
        policy=policy_of(config),
        worker_lease=config.worker_lease,
        longest_attempt=config.smtp_timeout + config.smtp_final_reply_timeout + config.worker_lease,
        lead=lambda: lead(name=MAINTENANCE, worker_id=context.worker_id, lease=MAINTENANCE_LEASE),
    )
    round_seconds = min(_ROUND_SECONDS, config.worker_lease.total_seconds() / 10)
    rounds = Loop(
        name="maintenance",
        step=maintenance.step,
        poll=round_seconds,
        longest_wait=round_seconds,
        on_fault=maintenance.note_fault,
        at_end=lambda: resign(name=MAINTENANCE, worker_id=context.worker_id),
        watchdog=context.watchdog,
    )
    return Parts(running=[lanes, _gauges(context), rounds], bells={DUE: lanes.wake})


def _gauges(context: Context) -> Loop:
    """A thread of its own: what it asks may take as long as its limit."""
    sampler = Sampler(
        lead=lambda: lead(name=MAINTENANCE, worker_id=context.worker_id, lease=MAINTENANCE_LEASE),
        lease=MAINTENANCE_LEASE,
        ladder=context.config.retry_ladder,
    )
    return Loop(name="gauges", step=sampler.step, poll=_LOOK_SECONDS, watchdog=context.watchdog)
