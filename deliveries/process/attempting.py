"""The attempts process."""

import socket
import threading
from datetime import timedelta
from functools import partial

from deliveries.attempt.pool import SHUTDOWN_RESERVE, Pool
from deliveries.attempt.sender import Provider, Sender, Stub
from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.relay import Relay, make_ssl_context
from deliveries.conf import Config, SmtpMode, TlsMode, UnknownOutcome
from deliveries.process.hints import HANDED_OUT
from deliveries.process.lifecycle import Context, Parts, run
from deliveries.process.loop import Loop, Wake
from deliveries.process.policy import policy_of
from deliveries.process.startup import configuration
from deliveries.states import ProcessType

_LONGEST_WAIT = timedelta(seconds=5)  # another process may have it sooner


def run_attempts() -> int:
    capacity = configuration().attempt_worker_concurrency
    return run(
        process=ProcessType.ATTEMPTS, title="attempt worker pool", build=_build, capacity=capacity
    )


def _build(context: Context) -> Parts:
    config, stopping, wake = context.config, threading.Event(), Wake()
    relay = relay_of(config)
    shutdown_seconds = config.shutdown_timeout.total_seconds()
    budget = (config.smtp_timeout + config.smtp_final_reply_timeout).total_seconds()
    senders = [
        Sender(
            provider=_provider(relay),
            identity=config.sender,
            policy=policy_of(config),
            lease=context.lease,
            stopping=stopping,
            longest=_longest(config),
            allow=partial(context.watchdog.allow, f"sender-{number}", budget),
        )
        for number in range(config.attempt_worker_concurrency)
    ]
    pool = Pool(
        worker_id=context.worker_id,
        senders=senders,
        stopping=stopping,
        ring=wake.ring,
        shutdown_seconds=shutdown_seconds,
        # what was claimed and not started counts as unknown when the process is lost, and then
        # fails
        holds_ready=config.unknown_outcome is UnknownOutcome.RETRY,
        longest_wait=_longest_wait(config),
        watchdog=context.watchdog,
    )
    loop = Loop(
        name="claims",
        step=pool.step,
        poll=config.scheduler_poll_interval.total_seconds(),
        wake=wake,
        watchdog=context.watchdog,
        # a claim that hangs still leaves the senders time to be aborted in order
        longest_join=shutdown_seconds - SHUTDOWN_RESERVE,  # a second at least
    )
    return Parts(running=[loop, pool], bells={HANDED_OUT: wake})


def _longest(config: Config) -> float:
    """Until when a final dot may be written, in s from the claim.

    Recovery takes an attempt from anyone after both SMTP timeouts and a lease.
    """
    rest = max(config.smtp_final_reply_timeout, config.worker_lease)
    return (config.smtp_timeout + rest).total_seconds()


def _longest_wait(config: Config) -> float:
    """How long a claimed attempt may wait here before it begins, in s from the claim.

    The SMTP timeouts count from the start of the send, and recovery from the claim, with a lease on
    top. A third of that lease is for this wait, and the rest for the record.
    """
    return min(_LONGEST_WAIT, config.worker_lease / 3).total_seconds()


def relay_of(config: Config) -> Relay | None:
    """The relay of the configuration; None in stub mode."""
    if config.smtp_mode is SmtpMode.STUB or config.smtp_addr is None:
        return None
    encrypted = config.smtp_tls is not TlsMode.NONE
    return Relay(
        host=config.smtp_addr.host,
        port=config.smtp_addr.port,
        tls=config.smtp_tls,
        helo_name=socket.getfqdn(),
        timeout=config.smtp_timeout.total_seconds(),
        final_reply_timeout=config.smtp_final_reply_timeout.total_seconds(),
        username=config.smtp_username,
        password=config.smtp_password,
        ssl_context=make_ssl_context(config.smtp_ca_file) if encrypted else None,
    )


def _provider(relay: Relay | None) -> Provider:
    return Stub() if relay is None else Client(relay)
