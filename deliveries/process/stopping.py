"""The signals that end a process, held back from its first step on until it looks for them.

A handler that sets an Event can deadlock against a thread that waits for it.
"""

import signal

_STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})


class StoppedError(Exception):
    """The process was asked to end before its start-up was done."""


def hold_back() -> None:
    """Before any thread starts, so that none is interrupted by one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


def let_through() -> None:
    """For the program that takes the process over. From now on signals end it by default."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)


def arrives(seconds: float) -> bool:
    """Whether one comes within so many seconds, or has come already."""
    taken = signal.sigtimedwait(_STOPPING, seconds)
    # SIGCONT cuts the wait short, and a wait past its time then returns no signal at all
    return taken is not None and taken.si_signo in _STOPPING
