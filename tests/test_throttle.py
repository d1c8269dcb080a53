import weakref

from hypothesis import given
from hypothesis import strategies as st

from deliveries.throttle import Throttle

MANY = 1000  # as many keys as are kept before the old ones are looked for


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_key_passes_once_a_period():
    clock = Clock()
    told = Throttle(seconds=60.0, clock=clock)
    assert told.allow("redis")
    assert not told.allow("redis")
    clock.now += 59.9
    assert not told.allow("redis")
    clock.now += 0.1
    assert told.allow("redis")


def test_keys_do_not_wait_for_each_other():
    told = Throttle(clock=Clock())
    assert told.allow("redis")
    assert told.allow(("postgres", "08006"))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 100)), max_size=30))
def test_two_passes_of_a_key_are_a_period_apart(asked):
    clock = Clock()
    told = Throttle(seconds=60.0, clock=clock)
    passed: dict[str, float] = {}
    for key, wait in asked:
        clock.now += wait
        due = key not in passed or clock.now - passed[key] >= 60.0
        assert told.allow(key) == due
        if due:
            passed[key] = clock.now


class Key:
    """One that can be told to be held by nobody."""


def test_old_keys_are_forgotten_and_young_ones_are_not():
    clock = Clock()
    told = Throttle(seconds=60.0, clock=clock)
    old = [Key() for _ in range(MANY)]
    held = [weakref.ref(key) for key in old]
    assert all(map(told.allow, old))
    del old
    clock.now += 30.0
    assert told.allow("young")
    clock.now += 31.0
    assert told.allow("sweeps")
    assert not told.allow("young")
    assert not any(key() for key in held)
