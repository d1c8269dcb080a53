"""Which test kills a process at which point."""

from collections.abc import Callable
from typing import Any, TypeVar

from deliveries.crash import Point

Test = TypeVar("Test", bound=Callable[..., Any])
KILLED: dict[Point, list[str]] = {}


def kills(point: Point) -> Callable[[Test], Test]:
    """Says that the test below kills a process at `point`, and what is left and what follows."""

    def register(test: Test) -> Test:
        names = KILLED.setdefault(point, [])
        if test.__name__ not in names:
            names.append(test.__name__)
        return test

    return register
