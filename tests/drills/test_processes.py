"""Incidents of the service's own processes."""

import time

import pytest

from deliveries.models import Delivery
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from tests.drills.drill import long_ago
from tests.relay.script import Pause, Stage, Stall
from tests.stack.waiting import wait_until

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
    assert not drill.collector.value("mail.attempt.outcomes")

    drill.look("No attempts process")
    assert drill.doctor("processes.attempts") == {"processes.attempts": "failed"}

    drill.remedy("No attempts process")
    drill.wait_for_statuses(sent=5)
    drill.wait_for_metric("mail.attempt.outcomes", least=5, status="provider_accepted")
    assert drill.doctor("processes.attempts") == {"processes.attempts": "ok"}


@pytest.mark.drill("Backlog grows")
def test_the_backlog_grows(drill):
    drill.relay({Stage.FINAL: [Pause(1.0), "250 2.0.0 ok"]})
    drill.start("consume_commands")
    drill.publish(*range(250))  # more than are handed out to four sends
    drill.wait_for_statuses(queued=250)
    newest = Delivery.objects.latest("id")  # the last in its lane, so it is there to be cancelled
    Delivery.objects.exclude(pk=newest.pk).update(next_attempt_at=long_ago())
    drill.start("run_scheduler", "run_attempts")
    drill.wait_for_gauge("mail.attempt_schedule.depth", least=100)
    drill.wait_for_gauge("mail.attempt_schedule.overdue_ms", least=60_000)

    seen = drill.look("Backlog grows")
    assert "4 sends at once" in "".join(seen.values())
    levels = drill.doctor("schedule.backlog", "processes.scheduler", "processes.attempts")
    assert levels == {
        "schedule.backlog": "failed",
        "processes.scheduler": "ok",
        "processes.attempts": "ok",
    }

    more_sends, cancel = drill.remedy_commands("Backlog grows", DELIVERY_ID=newest.delivery_id)
    drill.run(*cancel)
    drill.environment["MAIL_ATTEMPT_WORKER_CONCURRENCY"] = "32"
    drill.start(*more_sends)
    drill.wait_for_statuses(sent=249, failed=1)
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


@pytest.mark.drill("The API does not answer")
def test_the_api_does_not_answer(drill):
    drill.environment["MAIL_INTERNAL_HTTP_ADDR"] = f"{LOOPBACK}:{ReservedPort().release()}"
    drill.start("run_scheduler")
    drill.look("The API does not answer")
    levels = drill.doctor("http", "processes.web")
    assert levels == {"http.answers": "failed", "processes.web": "failed"}

    drill.remedy("The API does not answer")
    wait_until(lambda: set(drill.doctor("http", "processes.web").values()) == {"ok"})
