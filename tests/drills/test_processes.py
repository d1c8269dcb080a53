"""Incidents of the service's own processes."""

import time

import pytest

from deliveries.models import Delivery
from tests.drills.drill import long_ago, wait_until
from tests.relay.script import Pause, Stage, Stall

pytestmark = [pytest.mark.process]


@pytest.mark.drill("No scheduler")
def test_no_scheduler(drill):
    drill.relay()
    drill.start()
    assert drill.doctor("processes.scheduler") == {"processes.scheduler": "ok"}
    drill.stop("run_scheduler")
    stopped_at = time.monotonic()
    drill.publish(*range(5))
    drill.wait_for_statuses(queued=5)
    Delivery.objects.update(next_attempt_at=long_ago())

    drill.look("No scheduler")
    levels = drill.doctor("processes.scheduler", "schedule.backlog")
    assert levels == {"processes.scheduler": "failed", "schedule.backlog": "failed"}
    assert drill.collector.gauge_values("mail.attempt_schedule.depth", since=stopped_at + 1) == []

    drill.remedy("No scheduler")
    drill.wait_for_statuses(sent=5)
    levels = drill.doctor("processes.scheduler", "schedule.backlog")
    assert levels == {"processes.scheduler": "ok", "schedule.backlog": "ok"}


@pytest.mark.drill("No attempts process")
def test_no_attempts_process(drill):
    drill.relay()
    drill.start("consume_commands", "run_scheduler")
    drill.publish(*range(5))
    drill.wait_for_statuses(queued=5)
    drill.wait_for_gauge("mail.attempt_schedule.depth", least=5)
    drill.wait_for_gauge("mail.attempt_schedule.overdue_ms", least=1)
    assert drill.collector.value("mail.attempt.outcomes") is None

    drill.look("No attempts process")
    assert drill.doctor("processes.attempts") == {"processes.attempts": "failed"}

    drill.remedy("No attempts process")
    drill.wait_for_statuses(sent=5)
    drill.wait_for_metric("mail.attempt.outcomes", least=5, status="provider_accepted")
    assert drill.doctor("processes.attempts") == {"processes.attempts": "ok"}


@pytest.mark.drill("Backlog grows")
def test_the_backlog_grows(drill):
    drill.relay({Stage.FINAL: [Pause(1.0), "250 2.0.0 ok"]})
    drill.start()
    drill.publish(*range(60))
    drill.wait_for_gauge("mail.attempt_schedule.depth", least=30)
    Delivery.objects.filter(status="queued").update(next_attempt_at=long_ago())

    seen = drill.look("Backlog grows")
    assert "4 sends at once" in "".join(seen.values())
    levels = drill.doctor("schedule.backlog", "processes.scheduler", "processes.attempts")
    assert levels == {
        "schedule.backlog": "failed",
        "processes.scheduler": "ok",
        "processes.attempts": "ok",
    }

    # as many sends at once as the runbook says to configure
    drill.environment["MAIL_ATTEMPT_WORKER_CONCURRENCY"] = "32"
    waiting = Delivery.objects.filter(status="queued").last()
    drill.remedy("Backlog grows", DELIVERY_ID=waiting.delivery_id)
    wait_until(lambda: not Delivery.objects.filter(finished_at=None).exists())
    assert drill.doctor("schedule.backlog") == {"schedule.backlog": "ok"}


@pytest.mark.drill("Lost processes")
def test_a_lost_process(drill):
    script = {Stage.MAIL: Stall()}
    relay = drill.relay(script)
    drill.start()
    drill.publish(1)
    assert relay.wait_until_reached(Stage.MAIL)
    drill.processes.pop("run_attempts").kill()
    script[Stage.MAIL] = "250 2.1.0 ok"

    drill.wait_for_log("run_scheduler", "attempt of a lost worker recovered")
    drill.wait_for_metric("mail.attempt.outcomes", status="timed_out", failure_code="worker_lost")
    drill.look("Lost processes")
    levels = drill.doctor("processes.lost", "processes.attempts")
    assert levels == {"processes.lost": "warning", "processes.attempts": "failed"}

    drill.remedy("Lost processes")
    drill.wait_for_statuses(sent=1)
    assert drill.doctor("processes.attempts") == {"processes.attempts": "ok"}
