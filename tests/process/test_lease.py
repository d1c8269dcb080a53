from datetime import timedelta

from deliveries.process.lease import Lease


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
