import threading
import time
from types import SimpleNamespace

import pytest

from deliveries.attempt.inbox import Inbox


def row(number, lane=2):
    return SimpleNamespace(number=number, lane=lane)


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def rung():
    return []


@pytest.fixture
def inbox(now, rung):
    return Inbox(low=lambda: rung.append(True), clock=lambda: now[0])


def test_the_first_lane_goes_first(inbox):
    inbox.put([row(1), row(2, lane=0), row(3)])
    assert [inbox.take(reserved=False).row.number for _ in range(3)] == [2, 1, 3]


def test_a_reserved_thread_waits_for_the_first_lane(inbox):
    inbox.put([row(1)])
    got = []
    thread = threading.Thread(target=lambda: got.append(inbox.take(reserved=True)), daemon=True)
    thread.start()
    thread.join(0.05)
    assert got == []
    inbox.put([row(2, lane=0)])
    thread.join(5)
    assert got[0].row.number == 2
    assert inbox.depths() == (0, 1)


def test_says_when_it_runs_low(inbox, rung):
    inbox.put([row(n) for n in range(4)])
    inbox.take(reserved=False)
    assert rung == []
    inbox.take(reserved=False)
    assert rung == [True]


def test_gives_up_what_waits_too_long(inbox, now):
    inbox.put([row(1)])
    now[0] = 3.0
    inbox.put([row(2)])
    now[0] = 6.0
    assert [c.row.number for c in inbox.take_stale(older_than=5)] == [1]
    assert inbox.depths() == (0, 1)


def test_closing_frees_the_threads_and_returns_the_rest(inbox):
    inbox.put([row(1)])
    got = ["nothing yet"]
    thread = threading.Thread(
        target=lambda: got.__setitem__(0, inbox.take(reserved=True)), daemon=True
    )
    thread.start()
    assert [c.row.number for c in inbox.close()] == [1]
    thread.join(5)
    assert got == [None]


def test_takes_nothing_in_once_it_is_closed(inbox):
    inbox.close()
    assert inbox.put([row(1)]) is False
    assert inbox.depths() == (0, 0)


def test_tells_how_many_could_begin_at_once(rung):
    inbox = Inbox(low=lambda: rung.append(True), tells_idle=True)
    threads = [
        threading.Thread(target=lambda r=r: inbox.take(reserved=r), daemon=True)
        for r in (True, False, False)
    ]
    for thread in threads:
        thread.start()
    while len(rung) < 3:
        time.sleep(0.001)
    assert inbox.room() == (1, 2)
    inbox.close()
    for thread in threads:
        thread.join(5)
    assert inbox.room() == (0, 0)
