"""Commands on the stream, and the processes that take them."""

import pytest
from django.conf import settings

from deliveries.models import Delivery
from tests.malformed_examples import fields

WORKERS = ("consume_commands", "run_scheduler", "run_attempts")


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
        for process in processes.values():
            process.wait_until_started()
        return processes

    return run
