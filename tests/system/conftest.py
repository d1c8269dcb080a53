"""Commands on the stream, and the processes that take them."""

import pytest
from django.conf import settings

from deliveries.models import Delivery
from tests.malformed_examples import fields

WORKERS = ("consume_commands", "run_scheduler", "run_attempts")
STARTED = {
    "consume_commands": "command consumer started",
    "run_scheduler": "scheduler started",
    "run_attempts": "attempt worker pool started",
    "serve": "internal HTTP listener started",
}


def statuses():
    return dict(Delivery.objects.values_list("delivery_id", "status"))


@pytest.fixture
def publish(redis_client):
    def put(number, **changes):
        redis_client.xadd(settings.MAIL.redis_command_stream, fields(number, **changes))

    return put


@pytest.fixture
def start(service):
    """Starts processes against a relay, the three workers; returns them by their command."""

    def run(relay, commands=WORKERS, **overrides):
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
