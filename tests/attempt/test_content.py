"""The budget of large content: who waits, and for how long."""

import threading
import time

from deliveries.attempt.content import Budget

SOON = 0.1


def later(seconds: float = 30.0) -> float:
    return time.monotonic() + seconds


def test_what_does_not_fit_waits_no_longer_than_it_may() -> None:
    budget = Budget(limit=10)
    with budget.spend(6, until=later()) as first, budget.spend(4, until=later()) as second:
        assert first
        assert second
        began = time.monotonic()
        with budget.spend(1, until=later(SOON)) as third:
            assert not third
        assert time.monotonic() - began >= SOON
    with budget.spend(10, until=later(SOON)) as all_of_it:  # who waited in vain has spent nothing
        assert all_of_it


def test_what_fits_begins_however_late_it_is() -> None:
    with Budget(limit=10).spend(10, until=later(-1.0)) as may_begin:
        assert may_begin


def test_more_than_the_whole_goes_alone() -> None:
    budget = Budget(limit=10)
    with budget.spend(20, until=later()) as first:
        assert first
        with budget.spend(1, until=later(SOON)) as second:
            assert not second


def test_who_waits_goes_on_as_soon_as_there_is_room() -> None:
    budget, begun = Budget(limit=10), threading.Event()

    def wait() -> None:
        with budget.spend(10, until=later()) as may_begin:
            if may_begin:
                begun.set()

    waiting = threading.Thread(target=wait)
    with budget.spend(1, until=later()):
        waiting.start()
        assert not begun.wait(SOON)
    assert begun.wait(30)
    waiting.join()
