"""How long a loop waits after a fault. Pure."""


class Backoff:
    """Waits that double from `first` to `longest` seconds, until a success."""

    def __init__(self, *, first: float = 0.1, longest: float = 5.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def next(self) -> float:
        wait, self._next = self._next, min(self._next * 2, self._longest)
        return wait

    def reset(self) -> None:
        self._next = self._first
