"""Waiting, and being called away."""

import select
import socket
import time
from collections.abc import Iterator

import pytest

from deliveries.attempt.smtp.waiting import CutError, Interrupt, Waiter


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def wait(waiter: Waiter, *, seconds: float = 10.0) -> int:
    return waiter.wait(events=select.POLLIN, deadline=time.monotonic() + seconds)


def test_what_has_come_counts_before_the_call(pair: Pair) -> None:
    interrupt = Interrupt()
    waiter = Waiter(fd=pair[0].fileno(), interrupt=interrupt)
    interrupt.give_up()
    pair[1].send(b"a")
    assert wait(waiter) & select.POLLIN
    pair[0].recv(1)
    for _ in range(2):
        with pytest.raises(CutError):
            wait(waiter)


def test_a_wait_ends_with_its_time(pair: Pair) -> None:
    waiter = Waiter(fd=pair[0].fileno(), interrupt=Interrupt())
    for seconds in (0.01, 0.0, -1.0):
        with pytest.raises(TimeoutError):
            wait(waiter, seconds=seconds)


def test_abort_spares_who_has_crossed(pair: Pair) -> None:
    interrupt = Interrupt()
    waiter = Waiter(fd=pair[0].fileno(), interrupt=interrupt)
    assert interrupt.begin()
    assert interrupt.cross()
    interrupt.abort()
    with pytest.raises(TimeoutError):
        wait(waiter, seconds=0.01)
    interrupt.give_up()
    with pytest.raises(CutError):
        wait(waiter)


def test_who_steps_back_hears_of_the_abort(pair: Pair) -> None:
    """The kernel did not take the dot, and in between came the abort."""
    interrupt = Interrupt()
    waiter = Waiter(fd=pair[0].fileno(), interrupt=interrupt)
    assert interrupt.cross()
    interrupt.abort()
    interrupt.step_back()
    with pytest.raises(CutError):
        wait(waiter)
    assert not interrupt.cross()
    assert not interrupt.begin()


def test_other_events_are_not_mixed_up(pair: Pair) -> None:
    waiter = Waiter(fd=pair[0].fileno(), interrupt=Interrupt())
    deadline = time.monotonic() + 10
    assert waiter.wait(events=select.POLLOUT, deadline=deadline) == select.POLLOUT
    assert not waiter.is_readable()
    pair[1].send(b"a")
    assert waiter.is_readable()
