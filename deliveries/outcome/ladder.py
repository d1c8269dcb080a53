"""The retry ladder: the fixed waits after retryable failures. Pure."""

from collections.abc import Sequence
from datetime import timedelta


def rung_after(*, attempt_no: int, ladder: Sequence[timedelta]) -> timedelta | None:
    """The wait after the failure of attempt `attempt_no` (from 1); None when the ladder is used up.

    A ladder of n rungs allows n + 1 attempts. Attempts given back have no number of their own.
    """
    if attempt_no < 1:
        raise ValueError("attempts are numbered from 1")
    return ladder[attempt_no - 1] if attempt_no <= len(ladder) else None
