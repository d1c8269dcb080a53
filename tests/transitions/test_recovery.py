"""Whose attempts count as lost."""

import pytest

from deliveries.models import Attempt
from deliveries.process.lease import Lease, leave, renew
from deliveries.schedule.maintenance import recover
from deliveries.transitions.recovery import held
from tests.transitions.deliveries import HOUR, POLICY, delivery

pytestmark = pytest.mark.django_db(transaction=True)


def test_takes_over_from_who_has_left_and_from_nobody_else(new, accept, begin, worker):
    accept(new())
    begin()
    assert recover(policy=POLICY, silent={}, overdue=()) == 0
    leave(worker_id=worker.id)
    assert recover(policy=POLICY, silent={}, overdue=()) == 1
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.failure_code) == ("timed_out", "worker_lost")
    assert (attempt.phase, attempt.outcome_unknown) == (None, True)
    assert (delivery().status, delivery().attempt_count) == ("queued", 1)


def test_takes_over_from_the_silent_unless_it_was_seen_since(new, accept, begin, worker):
    accept(new())
    begin()
    silent = held().workers
    assert set(silent) == {worker.id}
    renew(worker_id=worker.id, capacity=4, lease=Lease(length=HOUR))
    assert recover(policy=POLICY, silent=silent, overdue=()) == 0
    assert recover(policy=POLICY, silent=held().workers, overdue=()) == 1


def test_takes_over_what_nobody_known_holds(new, accept, begin, worker):
    accept(new())
    begin()
    worker.delete()
    assert recover(policy=POLICY, silent={}, overdue=()) == 1
