"""Ending with the process that started this one. Run as a script, it becomes another program.

Arguments: the starter's pid, the signal to get when it dies, uid and gid ("-" to keep one's own),
then the program with its arguments. The signal is bound to the starting *thread*, so children are
started from the main thread. Left-over processes are found by the record in the run's folder; this
only makes them rare. Imports the standard library alone: the script runs with neither site-packages
nor the checkout on its path.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)
_STARTER_IS_GONE = 75


def end_with(starter: int, number: signal.Signals) -> bool:
    """Have `number` sent to this process when its parent dies; False if `starter` has already."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return os.getppid() == starter


def become(argv: list[str], *, starter: int, number: signal.Signals, uid: str, gid: str) -> None:
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    # after the change of user, which would clear it
    if not end_with(starter, number):
        sys.exit(_STARTER_IS_GONE)
    os.execv(argv[0], argv)  # noqa: S606 (to become it is the point; no shell, no user's text)


if __name__ == "__main__":
    become(
        sys.argv[5:],
        starter=int(sys.argv[1]),
        number=signal.Signals(int(sys.argv[2])),
        uid=sys.argv[3],
        gid=sys.argv[4],
    )
