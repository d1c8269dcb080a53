"""What is wrong with a catalog, told with its place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to fix. `line` counts from 1; it is 1 where the whole file or folder is meant."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return _on_one_line(f"{self.path}:{self.line}: {self.text}")


class CatalogError(Exception):
    """The catalog cannot be used. `problems` holds everything that was found, by path and line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def _on_one_line(text: str) -> str:
    """Names and texts come from files: nothing in them may break a line or colour a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
