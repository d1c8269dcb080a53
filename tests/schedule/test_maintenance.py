"""What the leading scheduler recovers, when, and how it is told."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from deliveries.models import Attempt, Worker
from deliveries.process.lease import leave
from deliveries.schedule.maintenance import Maintenance, recover
from tests.transitions.deliveries import HOUR, POLICY, delivery, later

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("policy", "message"),
    [(POLICY, "retry scheduled"), (replace(POLICY, ladder=()), "delivery dead-lettered")],
)
def test_is_told_like_an_outcome_that_a_worker_recorded(
    policy, message, new, accept, begin, worker, caplog
):
    accept(new())
    begin()
    leave(worker_id=worker.id)
    caplog.set_level(logging.INFO)
    recover(policy=policy, silent={}, overdue=())
    recovered, finished, next_to_come = caplog.records
    assert recovered.message == "attempt of a lost worker recovered"
    assert (finished.message, next_to_come.message) == ("attempt finished", message)
    for line in (finished, next_to_come):
        assert (line.delivery_id, line.source, line.attempt_no) == ("d-1", "notification", 1)
        assert (line.status, line.failure_code) == ("timed_out", "worker_lost")
        assert (line.phase, line.smtp_code, line.outcome_unknown) == (None, None, True)


@pytest.fixture
def watch():
    """Looks every 20 seconds until so many have passed, by the observer's own clock."""
    now = [0.0]
    maintenance = Maintenance(
        policy=POLICY,
        worker_lease=HOUR,
        longest_attempt=timedelta(minutes=1),
        lead=lambda: 1,
        clock=lambda: now[0],
    )

    def go_on(*, seconds):
        for _ in range(seconds // 20):
            maintenance.step()
            now[0] += 20
        maintenance.step()
        return maintenance

    return go_on


def test_an_attempt_in_progress_for_too_long_is_taken_from_the_living(
    new, accept, begin, worker, watch
):
    accept(new())
    begin()
    watch(seconds=40)
    assert delivery().status == "sending"
    watch(seconds=20)
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.failure_code) == ("timed_out", "worker_lost")


def test_what_began_meanwhile_has_its_own_time(new, accept, begin, worker, watch):
    accept(new("d-1"))
    begin()
    watch(seconds=40)
    accept(new("d-2"))
    begin()
    watch(seconds=40)
    assert (delivery("d-1").status, delivery("d-2").status) == ("queued", "sending")


def test_an_outage_counts_for_no_time_in_progress(new, accept, begin, worker, watch):
    accept(new())
    begin()
    watch(seconds=40).note_fault()
    watch(seconds=40)
    assert delivery().status == "sending"


def test_a_clock_that_jumps_makes_nobody_lost(new, accept, begin, worker, watch):
    """PostgreSQL's, by two hours ahead."""
    accept(new())
    begin()
    watch(seconds=20)
    Worker.objects.update(lease_until=later(-HOUR), last_seen_at=later(-2 * HOUR))
    Attempt.objects.update(started_at=later(-2 * HOUR))
    watch(seconds=20)
    assert delivery().status == "sending"
