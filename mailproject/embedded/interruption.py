"""Ctrl-C and SIGTERM: noticed between two steps, so that no step is left half done."""

import signal
import time
from types import FrameType

_STEP = 0.1


class Interrupted(Exception):  # noqa: N818 - not an error: somebody asked for the end
    """The run was asked to end."""


class Interruption:
    """Holds the request to end. A second one does not wait for the step to finish."""

    def __init__(self) -> None:
        self.requested = False
        self._closing = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        if self._closing:
            return
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def check(self) -> None:
        if self.requested:
            raise Interrupted

    def sleep(self, seconds: float = _STEP) -> None:
        """Sleep unless, and until, the end is requested."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            time.sleep(min(_STEP, left))
        self.check()

    def close(self) -> None:
        """From here on everything is being stopped: requests change nothing any more."""
        self._closing = True
