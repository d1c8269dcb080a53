from datetime import UTC, datetime, timedelta

import pytest

from deliveries.schedule.floors import Floors
from deliveries.states import Source

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def floors(now):
    return Floors(clock=lambda: now[0])


def test_a_lane_is_read_from_a_little_before_what_was_handed_out(floors):
    assert floors.current() == {}
    floors.raise_to(Source.NOTIFICATION, NOON)
    assert floors.current() == {Source.NOTIFICATION: NOON - timedelta(seconds=10)}


def test_nothing_handed_out_moves_no_floor(floors):
    floors.raise_to(Source.NOTIFICATION, NOON)
    floors.raise_to(Source.NOTIFICATION, None)
    assert Source.NOTIFICATION in floors.current()


def test_floors_are_dropped_again_and_again(floors, now):
    floors.raise_to(Source.NOTIFICATION, NOON)
    now[0] += 9.9
    assert floors.current()
    now[0] += 0.2
    assert floors.current() == {}
    floors.raise_to(Source.NOTIFICATION, NOON)
    now[0] += 9.9
    assert floors.current()
