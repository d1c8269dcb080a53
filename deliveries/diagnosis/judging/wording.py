"""Figures as an operator reads them. Pure."""

from collections.abc import Iterable

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def lasting(seconds: float) -> str:
    """A time span in the unit that suits it: `0.4 ms`, `4.2 s`, `12 min`, `3 h`, `9 d`."""
    if seconds < 1:
        milliseconds = seconds * 1000
        return f"{milliseconds:.1f} ms" if 0 < milliseconds < 10 else f"{milliseconds:.0f} ms"
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def first_of(items: Iterable[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    found = list(items)
    more = f", and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
