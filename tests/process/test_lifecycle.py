"""The life of a process, seen from outside."""

import signal
import time

import pytest

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

_LONGER_THAN_A_WAIT = 1.2  # the main thread waits for half a second at a time


def test_a_process_that_was_frozen_goes_on(service):
    scheduler = service.start("run_scheduler")
    scheduler.wait_for_log("scheduler started")
    for _ in range(2):
        scheduler.signal(signal.SIGSTOP)
        time.sleep(_LONGER_THAN_A_WAIT)
        scheduler.signal(signal.SIGCONT)
        time.sleep(_LONGER_THAN_A_WAIT)
    assert scheduler.logged("scheduler stopped") == []
    assert scheduler.stop() == 0
