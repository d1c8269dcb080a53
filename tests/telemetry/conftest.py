"""Real processes that export to the tests' own collector."""

import time

import pytest
from django.conf import settings

from tests.collector import Collector
from tests.malformed_examples import fields

STARTED = {
    "consume_commands": "command consumer started",
    "run_scheduler": "scheduler started",
    "run_attempts": "attempt worker pool started",
}


@pytest.fixture
def collector():
    with Collector() as running:
        yield running


@pytest.fixture
def publish(redis_client):
    def put(number, **changes):
        redis_client.xadd(settings.MAIL.redis_command_stream, fields(number, **changes))

    return put


@pytest.fixture
def start(service):
    """Starts worker processes against a relay; returns them by their command."""

    def run(relay, commands=tuple(STARTED), **overrides):
        environment = {
            "MAIL_SMTP_ADDR": f"127.0.0.1:{relay.port}",
            "MAIL_SMTP_TLS": "none",
            "MAIL_ATTEMPT_WORKER_CONCURRENCY": "4",
            **overrides,
        }
        processes = {name: service.start(name, overrides=environment) for name in commands}
        for name, process in processes.items():
            process.wait_for_log(STARTED[name])
        return processes

    return run


def wait_until(condition, *, seconds=30):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return result
