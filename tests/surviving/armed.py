"""The service as a test build: `python -m tests.surviving.armed COMMAND...`, one of manage.py's.

CRASH_POINT names one of `deliveries.crash.Point`, CRASH_TURN says the how manieth time it is
reached (1 unless given), CRASH_SIGNAL what the process then sends to itself: SIGKILL unless given.
With CRASH_ONCE, a file, only the first of several processes does it: it leaves the file behind.

The web process becomes another program, which armed_site/sitecustomize.py arms likewise.
"""

import itertools
import os
import signal
import sys
import time
from pathlib import Path

from deliveries import crash
from deliveries.crash import Point

_SETTLING_SECONDS = 0.1


def arm(*, point: Point, turn: int, number: signal.Signals) -> None:
    """Replace `crash.here`."""
    turns = itertools.count(1)  # which is one step of the interpreter, whatever thread asks
    once = os.environ.get("CRASH_ONCE")

    def here(reached: Point) -> None:
        if reached is point and next(turns) == turn and (once is None or _is_first(once)):
            os.kill(os.getpid(), number)
            time.sleep(_SETTLING_SECONDS)  # a stop may reach the other threads first

    crash.here = here


def _is_first(file: str) -> bool:
    try:
        Path(file).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def arm_as_told() -> None:
    arm(
        point=Point(os.environ["CRASH_POINT"]),
        turn=int(os.environ.get("CRASH_TURN", "1")),
        number=signal.Signals[os.environ.get("CRASH_SIGNAL", "SIGKILL")],
    )


if __name__ == "__main__":
    import manage

    arm_as_told()
    sys.exit(manage.main())
