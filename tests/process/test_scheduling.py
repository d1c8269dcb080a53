"""The scheduler's line of activity, at the pace of its loop."""

import logging
from datetime import timedelta
from itertools import pairwise
from unittest.mock import Mock

import pytest

from deliveries.process import scheduling
from deliveries.schedule import scheduler
from tests.conf.environment import load_with

_LONGEST_SILENCE = 30.0


def waits_of_the_loop(poll):
    changes = {"MAIL_WORKER_LEASE": "3m", "MAIL_SCHEDULER_POLL_INTERVAL": poll}
    parts = scheduling._build(Mock(config=load_with(changes)))
    (loop,) = [part for part in parts.running if part.name == "scheduler"]
    return loop._poll


@pytest.mark.parametrize("poll", ["250ms", "4s", "20s", "60s"])
def test_activity_is_told_every_half_minute(poll, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(scheduler, "look_ahead", lambda _floors: (0, []))
    now, told = [0.0], []
    wait = waits_of_the_loop(poll)
    working = scheduler.Scheduler(clock=lambda: now[0])
    while now[0] < timedelta(minutes=5).total_seconds():
        caplog.clear()
        working.step()
        told += [now[0]] * caplog.messages.count("scheduler active")
        now[0] += wait
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert gaps
    assert max(gaps) < _LONGEST_SILENCE


def test_a_short_poll_stays():
    assert waits_of_the_loop("250ms") == timedelta(milliseconds=250).total_seconds()
