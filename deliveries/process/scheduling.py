"""The scheduler process."""

from deliveries.process.hints import DUE
from deliveries.process.lifecycle import Context, Parts, run
from deliveries.process.loop import Loop
from deliveries.process.policy import policy_of
from deliveries.schedule.scheduler import Scheduler
from deliveries.states import ProcessType


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
    return Parts(running=[loop], bells={DUE: loop.wake})
