"""Become a program that ends with the process that started it. Run as a script, never imported.

Arguments: the starter's pid, the signal to get when it dies, uid and gid ("-" to keep one's own),
then the program with its arguments. The signal is bound to the starting *thread*, so children are
started from the main thread. The state file is what is relied on to find left-over processes; this
only makes them rare.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
STARTER_IS_GONE = 75


def main(starter: int, signal_number: int, uid: str, gid: str, argv: list[str]) -> None:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    # after the change of user, which would clear it
    if prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    if os.getppid() != starter:
        sys.exit(STARTER_IS_GONE)
    os.execv(argv[0], argv)  # noqa: S606 (to become it is the point; no shell, no user's text)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
