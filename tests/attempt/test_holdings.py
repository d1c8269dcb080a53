"""Attempts of a worker's that it does not know of: the answer to its claim was lost."""

import pytest

from deliveries.attempt.holdings import Holdings
from tests.transitions.deliveries import delivery

pytestmark = pytest.mark.django_db(transaction=True)


def test_strays_are_given_back_after_a_fault_and_only_then(new, accept, begin, worker):
    accept(new("d-1"), new("d-2"))
    known, stray = begin()
    holdings = Holdings(worker_id=worker.id)
    holdings.take([known.attempt_id])
    assert holdings.settle() == 0
    holdings.suspect()
    assert holdings.settle() == 1
    assert delivery(stray.delivery_id).status == "queued"
    assert delivery(known.delivery_id).status == "sending"


def test_they_are_looked_for_again_for_a_while(new, accept, begin, worker):
    """A claim whose connection is gone may be at work for as long as a statement may."""
    now = [0.0]
    holdings = Holdings(worker_id=worker.id, clock=lambda: now[0])
    holdings.suspect()
    assert holdings.settle() == 0
    accept(new())
    begin()
    now[0] += 30
    assert holdings.settle() == 1
