"""The service as a test build: `python -m tests.surviving.armed COMMAND...`, one of manage.py's.

CRASH_POINT names one of `deliveries.crash.Point`, CRASH_TURN says the how manieth time it is
reached (1 unless given), CRASH_SIGNAL what the process then sends to itself: SIGKILL unless given.
"""

import itertools
import os
import signal
import sys
import time

import manage
from deliveries import crash
from deliveries.crash import Point

_SETTLING_SECONDS = 0.1


def arm(*, point: Point, turn: int, number: signal.Signals) -> None:
    """Replace `crash.here`."""
    turns = itertools.count(1)  # which is one step of the interpreter, whatever thread asks

    def here(reached: Point) -> None:
        if reached is point and next(turns) == turn:
            os.kill(os.getpid(), number)
            time.sleep(_SETTLING_SECONDS)  # a stop may reach the other threads first

    crash.here = here


if __name__ == "__main__":
    arm(
        point=Point(os.environ["CRASH_POINT"]),
        turn=int(os.environ.get("CRASH_TURN", "1")),
        number=signal.Signals[os.environ.get("CRASH_SIGNAL", "SIGKILL")],
    )
    sys.exit(manage.main())
