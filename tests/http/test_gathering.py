"""What arrives together is done together, and each gets his own answer."""

import threading

import pytest

from deliveries.http.gathering import Gatherer


def ask_all(gatherer, asks):
    """Each from a thread of its own; answers and errors by what was asked."""
    found = {}

    def ask(what):
        try:
            found[what] = gatherer.ask(what)
        except ValueError as error:
            found[what] = error

    threads = [threading.Thread(target=ask, args=(what,)) for what in asks]
    for thread in threads:
        thread.start()
    return threads, found


def join(threads):
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_alone_nobody_waits():
    turns = []
    gatherer = Gatherer(lambda asks: turns.append(asks) or [n * 2 for n in asks], most=10)
    assert [gatherer.ask(n) for n in (1, 2, 3)] == [2, 4, 6]
    assert turns == [[1], [2], [3]]


def test_what_comes_during_a_turn_shares_the_next():
    started, going_on, turns = threading.Event(), threading.Event(), []

    def work(asks):
        turns.append(list(asks))
        started.set()
        assert going_on.wait(30)
        return [n * 2 for n in asks]

    gatherer = Gatherer(work, most=10)
    first, found_first = ask_all(gatherer, [0])
    assert started.wait(30)
    rest, found = ask_all(gatherer, range(1, 6))
    while len(gatherer._waiting) < 5:
        pass
    going_on.set()
    join([*first, *rest])
    assert found_first | found == {n: n * 2 for n in range(6)}
    assert turns[0] == [0]
    assert sorted(turns[1]) == [1, 2, 3, 4, 5]
    assert len(turns) == 2


def test_a_turn_has_its_bound():
    turns = []
    gate = threading.Barrier(21)

    def work(asks):
        turns.append(len(asks))
        return list(asks)

    gatherer = Gatherer(work, most=3)

    def ask(number, found):
        gate.wait(30)
        found[number] = gatherer.ask(number)

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

    gatherer = Gatherer(work, most=10)
    first, found_first = ask_all(gatherer, [0])
    assert started.wait(30)
    rest, found = ask_all(gatherer, [1, 2])
    while len(gatherer._waiting) < 2:
        pass
    going_on.set()
    join([*first, *rest])
    assert found_first == {0: 0}
    assert all(isinstance(error, ValueError) for error in found.values())
    assert gatherer.ask(7) == 7


def test_too_few_answers_are_an_error_and_not_a_hang():
    gatherer = Gatherer(lambda _asks: [], most=10)
    with pytest.raises(ValueError, match="shorter"):
        gatherer.ask(1)
