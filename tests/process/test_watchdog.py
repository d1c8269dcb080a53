import pytest

from deliveries.watchdog import Watchdog


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def watchdog(now):
    return Watchdog(grace=10, every=0.5, clock=lambda: now[0])


def look(watchdog, now, *, times):
    found = None
    for _ in range(times):
        now[0] += 0.5
        found = watchdog.look()
    return found


def test_tells_of_the_thread_that_overran_its_budget_by_ten_seconds(watchdog, now):
    with watchdog.allow("sender-1", 5), watchdog.allow("sender-2", 60):
        assert look(watchdog, now, times=29) is None
        assert look(watchdog, now, times=1) == "sender-1"


def test_what_ended_in_its_grace_is_forgotten(watchdog, now):
    with watchdog.allow("sender-1", 5):
        look(watchdog, now, times=25)
    with watchdog.allow("sender-1", 5):
        assert look(watchdog, now, times=29) is None


def test_what_raised_has_ended_too(watchdog, now):
    with pytest.raises(RuntimeError), watchdog.allow("sender-1", 5):
        raise RuntimeError
    assert look(watchdog, now, times=60) is None


def test_a_process_that_was_frozen_gives_its_threads_time(watchdog, now):
    with watchdog.allow("sender-1", 5):
        now[0] += 3600
        assert look(watchdog, now, times=19) is None
