"""What arrives together is done together, and each gets his own answer."""

import threading

import pytest

from deliveries.http.group_commit import GroupCommit
from tests.stack.waiting import wait_until


def ask_all(group_commit, asks):
    """Each from a thread of its own; answers and errors by what was asked."""
    found = {}

    def ask(what):
        try:
            found[what] = group_commit.ask(what)
        except ValueError as error:
            found[what] = error

    threads = [threading.Thread(target=ask, args=(what,), daemon=True) for what in asks]
    for thread in threads:
        thread.start()
    return threads, found


def join(threads):
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def await_waiting(group_commit, count):
    wait_until(lambda: len(group_commit._waiting) == count, seconds=10)


def test_alone_nobody_waits():
    turns = []
    group_commit = GroupCommit(lambda asks: turns.append(asks) or [n * 2 for n in asks], most=10)
    assert [group_commit.ask(n) for n in (1, 2, 3)] == [2, 4, 6]
    assert turns == [[1], [2], [3]]


def test_what_comes_during_a_turn_shares_the_next():
    started, going_on, turns = threading.Event(), threading.Event(), []

    def work(asks):
        turns.append(list(asks))
        started.set()
        assert going_on.wait(30)
        return [n * 2 for n in asks]

    group_commit = GroupCommit(work, most=10)
    first, found_first = ask_all(group_commit, [0])
    assert started.wait(30)
    rest, found = ask_all(group_commit, range(1, 6))
    await_waiting(group_commit, 5)
    going_on.set()
    join([*first, *rest])
    assert found_first | found == {n: n * 2 for n in range(6)}
    assert turns[0] == [0]
    assert sorted(turns[1]) == [1, 2, 3, 4, 5]
    assert len(turns) == 2


class Clock:
    """Stands still, but for the seconds that each turn is said to take."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def three_together(clock, *, took, turns):
    """A group_commit whose last turn had three parts in it and took so many seconds."""
    started, going_on = threading.Event(), threading.Event()

    def work(asks):
        turns.append(sorted(asks))
        started.set()
        assert going_on.wait(30)
        clock.now += 0 if asks == [0] else took  # the one that comes first does not come back
        return list(asks)

    group_commit = GroupCommit(work, most=10, clock=clock)
    first, _ = ask_all(group_commit, [0])
    assert started.wait(30)
    rest, _ = ask_all(group_commit, [1, 2, 3])
    await_waiting(group_commit, 3)
    going_on.set()
    join([*first, *rest])
    return group_commit


def test_those_of_the_last_turn_are_waited_for(monkeypatch):
    monkeypatch.setattr("deliveries.http.group_commit._LONGEST_PATIENCE", 30)
    turns = []
    group_commit = three_together(Clock(), took=30, turns=turns)
    for asks in ([4, 5, 6], [7, 8, 9]):
        threads = []
        for ask in asks:  # one after the other: without patience each would be alone
            threads += ask_all(group_commit, [ask])[0]
            if ask != asks[-1]:
                await_waiting(group_commit, len(threads))
        join(threads)
    assert turns == [[0], [1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_but_no_longer_than_that_turn_took():
    turns = []
    group_commit = three_together(Clock(), took=0.01, turns=turns)
    assert group_commit.ask(4) == 4
    assert turns[2:] == [[4]]


def test_nor_when_it_is_long_over(monkeypatch):
    monkeypatch.setattr("deliveries.http.group_commit._LONGEST_PATIENCE", 30)
    turns, clock = [], Clock()
    group_commit = three_together(clock, took=30, turns=turns)
    clock.now += 31
    (thread,), _ = ask_all(group_commit, [4])
    thread.join(20)
    assert not thread.is_alive()
    assert turns[2:] == [[4]]


def test_a_turn_has_its_bound():
    turns = []
    gate = threading.Barrier(21)

    def work(asks):
        turns.append(len(asks))
        return list(asks)

    group_commit = GroupCommit(work, most=3)

    def ask(number, found):
        gate.wait(30)
        found[number] = group_commit.ask(number)

    found = {}
    threads = [threading.Thread(target=ask, args=(n, found)) for n in range(20)]
    for thread in threads:
        thread.start()
    gate.wait(30)
    join(threads)
    assert found == {n: n for n in range(20)}
    assert max(turns) <= 3


def test_an_error_reaches_each_of_the_turn_and_nobody_else():
    started, going_on = threading.Event(), threading.Event()

    def work(asks):
        if asks == [0]:
            started.set()
            assert going_on.wait(30)
            return [0]
        if 1 in asks:
            raise ValueError("no")
        return list(asks)

    group_commit = GroupCommit(work, most=10)
    first, found_first = ask_all(group_commit, [0])
    assert started.wait(30)
    rest, found = ask_all(group_commit, [1, 2])
    await_waiting(group_commit, 2)
    going_on.set()
    join([*first, *rest])
    assert found_first == {0: 0}
    assert all(isinstance(error, ValueError) for error in found.values())
    assert group_commit.ask(7) == 7


def test_too_few_answers_are_an_error_and_not_a_hang():
    group_commit = GroupCommit(lambda _asks: [], most=10)
    with pytest.raises(ValueError, match="shorter"):
        group_commit.ask(1)
