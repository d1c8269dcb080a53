"""Every metric of the service, as real processes export it."""

import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.conf import settings

from deliveries.models import Delivery
from deliveries.process.series import series_of
from deliveries.states import ProcessType
from deliveries.telemetry.metrics import METRICS, SEND_DURATION
from tests.collector import Collector
from tests.malformed_examples import PAYLOAD, TEMPLATE
from tests.relay import ByRecipient, ScriptedRelay, Stage
from tests.stack.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]


def statuses():
    return sorted(Delivery.objects.values_list("status", flat=True))


def test_what_becomes_of_mails_is_counted(collector, publish, start):
    replies = ByRecipient(
        {
            "gone@x.org": "550 5.1.1 gone",
            "later@x.org": "450 4.2.0 later",
            "never@x.org": "550 5.7.1 on our suppression list",
        }
    )
    with ScriptedRelay({Stage.RCPT: replies}) as relay:
        start(relay, **collector.environment, MAIL_RETRY_LADDER="100ms")
        publish(1)
        publish(1)
        publish(2, payload=TEMPLATE)
        publish(3, payload={**PAYLOAD, "to": ["a@x.org", "gone@x.org"]})
        publish(4, payload={**PAYLOAD, "to": ["gone@x.org"]})
        publish(5, payload={**PAYLOAD, "to": ["later@x.org"]})
        publish(6, payload={**PAYLOAD, "to": ["never@x.org"]})
        publish(7, payload={**PAYLOAD, "expires_at": "2020-01-01T00:00:00Z"})
        publish(8, payload={**PAYLOAD, "to": ["?"]})
        wait_until(
            lambda: (
                statuses() == ["dead_letter", "failed", "failed"] + 3 * ["sent"] + ["suppressed"]
            )
        )
        expected = {
            ("mail.delivery.accepted", ("payload_mode", "rendered")): 6,
            ("mail.delivery.accepted", ("payload_mode", "template")): 1,
            ("mail.delivery.duplicates", ("source", "notification")): 1,
            ("mail.delivery.sent",): 3,
            ("mail.delivery.partial",): 1,
            ("mail.delivery.failed", ("failure_code", "permanent_reply")): 1,
            ("mail.delivery.failed", ("failure_code", "expired")): 1,
            ("mail.delivery.suppressed", ("source", "notification")): 1,
            ("mail.delivery.dead_letters",): 1,
            ("mail.attempt.outcomes", ("status", "provider_accepted")): 3,
            ("mail.attempt.outcomes", ("failure_code", "permanent_reply")): 1,
            ("mail.attempt.outcomes", ("failure_code", "temporary_reply")): 2,
            ("mail.attempt.outcomes", ("failure_code", "suppressed_by_provider")): 1,
            ("mail.provider.send.duration_ms", ("status", "provider_accepted")): 3,
            ("mail.provider.send.duration_ms", ("status", "transport_failed")): 2,
            ("mail.provider.send.duration_ms", ("status", "provider_rejected")): 2,
            ("mail.stream_commands.malformed", ("failure_code", "invalid_recipient")): 1,
            ("mail.stream_commands.malformed",): 1,
            ("mail.stream_commands.gaps",): 0,
        }
        for (name, *labels), value in expected.items():
            wanted = dict(labels)
            collector.wait_for(lambda n=name, w=wanted, v=value: collector.value(n, **w) == v)
    accepted = collector.series("mail.attempt.outcomes", status="provider_accepted")
    assert all("failure_code" not in point.attributes for point in accepted)


def test_what_is_exported_is_what_is_declared(collector, publish, start):
    with ScriptedRelay() as relay:
        start(relay, **collector.environment)
        publish(1)
        collector.wait_for(lambda: collector.value("mail.delivery.sent"))
        collector.wait_for(lambda: collector.value("mail.provider.send.duration_ms"))
        not_here = {"mail.prune.deleted"}  # another process counts it
        names = {metric.name for metric in METRICS} - not_here
        collector.wait_for(lambda: names <= collector.metrics.keys())
    found = collector.metrics
    assert found.keys() == names
    for metric in METRICS:
        if metric.name in not_here:
            continue
        exported = found[metric.name]
        assert (exported.unit, exported.description) == (metric.unit, metric.description)
        assert exported.kind == metric.kind
        for point in exported.points:
            assert point.attributes.keys() <= set(metric.labels)
            assert point.resource["mail.process"] in {"consumer", "scheduler", "attempts"}
    (duration,) = found["mail.provider.send.duration_ms"].points
    assert duration.bounds == SEND_DURATION.buckets
    assert sum(duration.buckets) == duration.value == 1
    assert duration.sum > 0


def test_series_exist_before_anything_happens(collector, start):
    with ScriptedRelay() as relay:
        start(relay, **collector.environment)
        for process in (ProcessType.CONSUMER, ProcessType.SCHEDULER, ProcessType.ATTEMPTS):
            for counter, labels in series_of(process):
                wanted = {name: str(value) for name, value in labels.items()}
                collector.wait_for(
                    lambda n=counter.name, p=process, w=wanted: [
                        point
                        for point in collector.series(n)
                        if point.attributes == w and point.resource["mail.process"] == p
                    ]
                )
    assert all(
        point.value == 0
        for metric in collector.metrics.values()
        if metric.kind == "counter"
        for point in metric.points
    )


def test_the_schedule_is_measured(collector, publish, start):
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    with ScriptedRelay({Stage.DATA: "451 4.3.0 later"}) as relay:
        processes = start(relay, **collector.environment, MAIL_RETRY_LADDER="1h")
        publish(1)  # to be a retry
        wait_until(lambda: Delivery.objects.filter(attempt_count=1, status="queued").exists())
        processes["run_attempts"].stop()
        publish(2)
        publish(3, payload={**PAYLOAD, "send_at": soon})
        collector.wait_for(lambda: 2 in collector.gauge_values("mail.attempt_schedule.depth"))
        collector.wait_for(lambda: 1 in collector.gauge_values("mail.attempt_schedule.deferred"))
        oldest = "mail.attempt_schedule.oldest_age_ms"
        collector.wait_for(lambda: max(collector.gauge_values(oldest), default=0) > 0)
        overdue = "mail.attempt_schedule.overdue_ms"
        collector.wait_for(lambda: max(collector.gauge_values(overdue), default=0) > 0)


def test_two_schedulers_export_the_gauges_once_and_the_next_takes_over(collector, publish, start):
    with ScriptedRelay() as relay:
        first = start(relay, ["run_scheduler"], **collector.environment)["run_scheduler"]
        collector.wait_for(lambda: collector.gauge_values("mail.attempt_schedule.depth"))
        second = start(relay, ["run_scheduler"], **collector.environment)["run_scheduler"]
        standing_by = collector.wait_for(lambda: _pids(collector) & {second.pid})
        assert standing_by == {second.pid}
        assert _leaders(collector) == {first.pid}
        first.kill()
        collector.wait_for(lambda: _leaders(collector) == {first.pid, second.pid})
        assert second.stop() == 0


def _pids(collector):
    points = collector.series("mail.delivery.dead_letters")
    return {point.resource["process.pid"] for point in points}


def _leaders(collector):
    points = collector.series("mail.attempt_schedule.depth")
    return {point.resource["process.pid"] for point in points}


def test_a_gauge_that_cannot_be_sampled_is_absent_rather_than_stale(
    collector, publish, start, postgres_admin
):
    with ScriptedRelay() as relay:
        start(relay, ["run_scheduler"], **collector.environment)
        collector.wait_for(lambda: collector.gauge_values("mail.attempt_schedule.depth"))
        with psycopg.connect(postgres_admin) as blocker:
            blocker.execute("LOCK TABLE mail.deliveries IN ACCESS EXCLUSIVE MODE")

            def quiet():
                """Ten exports in a row without the gauge."""
                since = time.monotonic() - 2.5
                exports = collector.exports(since=since)
                return exports >= 10 and not collector.gauge_values(
                    "mail.attempt_schedule.depth", since=since
                )

            collector.wait_for(quiet, seconds=60)
        since = time.monotonic()
        collector.wait_for(
            lambda: collector.gauge_values("mail.attempt_schedule.depth", since=since)
        )


def test_the_lag_rises_and_falls(collector, publish, start):
    with ScriptedRelay() as relay:
        for number in range(1500):
            publish(number)
        start(relay, ["consume_commands"], **collector.environment, MAIL_STREAM_BATCH_SIZE="1")
        collector.wait_for(
            lambda: any(collector.gauge_values("mail.stream_commands.lag")), seconds=60
        )
        wait_until(lambda: Delivery.objects.count() == 1500, seconds=120)
        since = time.monotonic() + 1.5
        collector.wait_for(
            lambda: set(collector.gauge_values("mail.stream_commands.lag", since=since)) == {0}
        )


def test_entries_lost_unread_are_counted(collector, publish, start, redis_client):
    with ScriptedRelay() as relay:
        publish(1)
        processes = start(relay, ["consume_commands"], **collector.environment)
        wait_until(lambda: Delivery.objects.count() == 1)
        assert processes["consume_commands"].stop() == 0
        for number in range(2, 6):
            publish(number)
        redis_client.xtrim(settings.MAIL.redis_command_stream, maxlen=1, approximate=False)
        start(relay, ["consume_commands"], **collector.environment)
        collector.wait_for(lambda: collector.value("mail.stream_commands.gaps") == 3)


def test_metrics_alone(publish, start):
    with Collector(signals=("metrics",)) as collector, ScriptedRelay() as relay:
        processes = start(relay, **collector.environment)
        publish(1)
        collector.wait_for(lambda: collector.value("mail.delivery.sent"))
        for process in processes.values():
            assert process.stop() == 0
    assert collector.spans == []
    assert Delivery.objects.get().traceparent is None
