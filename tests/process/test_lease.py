from datetime import timedelta

import pytest
from django.db.models import F

from deliveries.models import Worker
from deliveries.process.lease import Lease, leave, register, renew
from deliveries.states import ProcessType


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def make():
    clock = Clock()
    return clock, Lease(length=timedelta(seconds=15), clock=clock)


def test_nothing_is_held_before_the_first_renewal():
    _, lease = make()
    assert not lease.held_since(0.0)


def test_counts_from_when_the_renewal_was_asked_for():
    clock, lease = make()
    clock.now = 104.0
    lease.renewed(asked_at=100.0)
    clock.now = 114.9
    assert lease.held_since(clock.now)
    clock.now = 115.0
    assert not lease.held_since(clock.now)


def test_a_gap_is_remembered_after_the_next_renewal():
    clock, lease = make()
    lease.renewed(asked_at=100.0)
    begun = clock.now = 105.0
    assert lease.held_since(begun)
    clock.now = 116.0
    lease.renewed(asked_at=116.0)
    assert lease.held_since(clock.now)
    assert not lease.held_since(begun)
    assert lease.held_since(116.0)


def test_renewals_without_a_gap_are_one_lease():
    clock, lease = make()
    lease.renewed(asked_at=100.0)
    begun = clock.now = 105.0
    lease.renewed(asked_at=105.0)
    clock.now = 119.0
    assert lease.held_since(begun)


@pytest.mark.django_db
class TestRow:
    """What the others see of it. Processes that other tests started may have left rows."""

    @pytest.fixture
    def worker_id(self):
        _, lease = make()
        return register(process=ProcessType.ATTEMPTS, capacity=4, lease=lease)

    def test_is_held_from_the_registration_on(self):
        _, lease = make()
        worker_id = register(process=ProcessType.ATTEMPTS, capacity=4, lease=lease)
        row = Worker.objects.get(pk=worker_id)
        assert (row.type, row.capacity) == ("attempts", 4)
        assert row.lease_until > row.last_seen_at
        assert lease.held_since(100.0)

    def test_a_heartbeat_renews_it(self, worker_id):
        clock, lease = make()
        Worker.objects.filter(pk=worker_id).update(lease_until=F("last_seen_at"))
        assert renew(worker_id=worker_id, capacity=0, lease=lease)
        row = Worker.objects.get(pk=worker_id)
        assert (row.capacity, row.lease_until - row.last_seen_at) == (0, lease.length)
        assert lease.held_since(clock.now)

    def test_one_that_is_gone_cannot_be_renewed(self, worker_id):
        clock, lease = make()
        Worker.objects.filter(pk=worker_id).delete()
        assert not renew(worker_id=worker_id, capacity=4, lease=lease)
        assert not lease.held_since(clock.now)

    def test_who_leaves_is_waited_for_no_longer(self, worker_id):
        leave(worker_id=worker_id)
        row = Worker.objects.get(pk=worker_id)
        assert row.lease_until == row.last_seen_at
