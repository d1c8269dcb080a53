"""The consumer process."""

from datetime import timedelta

from deliveries.intake.accept import Acceptor
from deliveries.intake.connecting import open_stream
from deliveries.intake.consumer import Consumer
from deliveries.intake.gaps import leadership_of
from deliveries.process.leadership import lead, resign
from deliveries.process.lifecycle import Context, Parts, run
from deliveries.process.loop import Loop
from deliveries.states import ProcessType

# The leadership is renewed once per turn, so a turn must wait for less than its lease.
_LONGEST_WAIT = timedelta(seconds=1)
_STANDBY_SECONDS = 1.0


def consume_commands() -> int:
    return run(process=ProcessType.CONSUMER, title="command consumer", build=_build)


def _build(context: Context) -> Parts:
    config = context.config
    name = leadership_of(config.redis_command_stream)
    consumer = Consumer(
        stream=open_stream(config),
        acceptor=Acceptor(config=config, catalog=context.catalog),
        lead=lambda: lead(name=name, worker_id=context.worker_id),
        batch_size=config.stream_batch_size,
        block=min(config.stream_block_timeout, _LONGEST_WAIT),
        retention=config.stream_retention,
        max_payload_bytes=config.max_payload_bytes,
    )
    loop = Loop(
        name="consumer",
        step=consumer.step,
        poll=_STANDBY_SECONDS,
        on_fault=consumer.forget,
        watchdog=context.watchdog,
        at_end=lambda: resign(name=name, worker_id=context.worker_id),
    )
    return Parts(running=[loop], bells={})
