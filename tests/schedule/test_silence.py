from datetime import UTC, datetime

from deliveries.schedule.silence import Silence

BEAT, NEXT = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
LEASE = 15.0


def watch(silence, seen, *, begin, end):
    """Looks once a second, the last time at `end`."""
    now, lost = begin, {}
    while now <= end:
        lost = silence.observe(seen, now=now)
        now += 1
    return lost


def test_nobody_is_lost_before_a_whole_lease():
    silence = Silence(seconds=LEASE)
    assert watch(silence, {7: BEAT}, begin=100, end=114) == {}
    assert silence.observe({7: BEAT}, now=115) == {7: BEAT}


def test_a_sign_of_life_begins_it_anew():
    silence = Silence(seconds=LEASE)
    watch(silence, {7: BEAT, 8: BEAT}, begin=100, end=110)
    assert watch(silence, {7: NEXT, 8: BEAT}, begin=111, end=120) == {8: BEAT}
    assert watch(silence, {7: NEXT}, begin=121, end=126) == {7: NEXT}


def test_a_fault_of_the_database_begins_it_anew():
    silence = Silence(seconds=LEASE)
    watch(silence, {7: BEAT}, begin=100, end=114)
    silence.forget()
    assert watch(silence, {7: BEAT}, begin=115, end=129) == {}
    assert silence.observe({7: BEAT}, now=130) == {7: BEAT}


def test_an_observer_that_was_frozen_begins_anew():
    silence = Silence(seconds=LEASE)
    watch(silence, {7: BEAT}, begin=100, end=105)
    assert silence.observe({7: BEAT}, now=165) == {}


def test_the_lost_are_lost_until_they_are_gone():
    silence = Silence(seconds=LEASE)
    assert watch(silence, {7: BEAT}, begin=100, end=118) == {7: BEAT}
    assert silence.observe({}, now=119) == {}
