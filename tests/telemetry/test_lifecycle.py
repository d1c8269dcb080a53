"""The beginning and the end of telemetry in a process, the collector being well, away or silent."""

import sys

import pytest

from deliveries.models import Delivery
from tests.collector import Collector, Silence
from tests.relay import ScriptedRelay
from tests.stack.processes import STARTED
from tests.stack.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

NEVER = "3600000"  # ms: nothing is exported before the end
ELSEWHERE = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
}


def test_what_is_left_is_exported_at_the_end(publish, start):
    with Collector() as collector, ScriptedRelay() as relay:
        seldom = {"OTEL_METRIC_EXPORT_INTERVAL": NEVER, "OTEL_BSP_SCHEDULE_DELAY": NEVER}
        processes = start(relay, **{**collector.environment, **seldom})
        publish(1)
        wait_until(lambda: Delivery.objects.filter(status="sent").count() == 1)
        assert collector.bodies == []
        for process in processes.values():
            assert process.stop() == 0
    assert collector.value("mail.delivery.accepted") == 1
    assert collector.value("mail.delivery.sent") == 1
    assert {span.name for span in collector.spans} == {"accept", "smtp send"}


def test_a_silent_collector_holds_nobody_up(publish, start):
    with Silence() as silence, ScriptedRelay() as relay:
        # an export may take ten minutes, so a process that waits for it does not end in this test
        patient = {"OTEL_EXPORTER_OTLP_TIMEOUT": "600", "MAIL_SHUTDOWN_TIMEOUT": "3s"}
        processes = start(relay, **{**silence.environment, **patient})
        publish(1)
        wait_until(lambda: Delivery.objects.filter(status="sent").count() == 1)
        for name, process in processes.items():
            assert process.stop() == 0, process.output
            assert process.logged("telemetry was left unexported")
            stopped = STARTED[name].replace("started", "stopped")
            assert process.logs[-1]["message"] == stopped


def test_a_collector_that_is_away_is_told_of_once_a_minute(publish, start):
    with ScriptedRelay() as relay:
        often = {"OTEL_METRIC_EXPORT_INTERVAL": "100", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
        processes = start(relay, **{**ELSEWHERE, **often, "OTEL_BSP_SCHEDULE_DELAY": "100"})
        for number in range(30):
            publish(number)
        wait_until(lambda: Delivery.objects.filter(status="sent").count() == 30)
        attempts = processes["run_attempts"]
        attempts.wait_for_log("telemetry is not exported", count=2)
        for process in processes.values():
            assert process.stop() == 0
    kinds = [line["kind"] for line in attempts.logged("telemetry is not exported")]
    assert sorted(kinds) == ["metrics", "traces"]
    assert "127.0.0.1:1" not in attempts.output
    assert "opentelemetry" not in attempts.output


def test_without_an_exporter_nothing_runs_and_little_is_imported(service):
    program = (
        "import sys, threading, django; django.setup()\n"
        "from django.conf import settings\n"
        "from deliveries.process import attempting, consuming, scheduling\n"
        "from deliveries.telemetry import providers\n"
        "providers.start(config=settings.MAIL, process='attempts')\n"
        # the Redis client imports the API and the SDK's metrics for itself
        "dear = ('opentelemetry.exporter', 'opentelemetry.sdk.trace', 'google.protobuf')\n"
        "print([name for name in sys.modules if name.startswith(dear)])\n"
        "print(threading.active_count())\n"
        "providers.stop(seconds=0.0)\n"
    )
    process = service.start_program(
        [sys.executable, "-c", program],
        name="python",
        overrides={"DJANGO_SETTINGS_MODULE": "mailproject.settings"},
    )
    assert process.wait() == 0
    assert process.output == "[]\n1\n"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hush@collector:4318"),
    ],
)
def test_a_wrong_variable_stops_the_start(service, variable, value):
    process = service.start("run_attempts", overrides={variable: value})
    assert process.wait() == 78
    assert process.output.startswith(f"{variable} ")
    assert "hush" not in process.output
