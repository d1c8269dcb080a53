"""A request to end waits for the step that is being done, a second one does not."""

import os
import signal

import pytest

from mailproject.embedded.interruption import Interrupted, Interruption


@pytest.fixture
def interruption():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield Interruption()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_request_is_noticed_at_the_next_step(interruption, number):
    interruption.check()
    os.kill(os.getpid(), number)
    with pytest.raises(Interrupted):
        interruption.check()
    with pytest.raises(Interrupted):
        interruption.sleep(600)


def test_the_second_request_does_not_wait(interruption):
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_stopping_is_not_interrupted(interruption):
    interruption.close()
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGINT)
    interruption.check()
