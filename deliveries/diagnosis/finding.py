"""What a check says: a verdict on facts, and the finding that an operator reads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique


@unique
class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # somebody should look, and mail goes on
    FAILED = "failed"  # mail stands still, or something promised is broken


SEVERITY = {Level.OK: 0, Level.WARNING: 1, Level.FAILED: 2}

Figure = int | float | str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`seen` is one line; `advice` says what to do, and is empty for OK. `figures` are for scripts.

    `runbook` is the heading to open, where it is another one than the check's own. Nothing here
    holds a secret, a recipient's address or a subject.
    """

    level: Level
    seen: str
    advice: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    runbook: str = ""

    def __post_init__(self) -> None:
        if (self.level is not Level.OK) != bool(self.advice):
            raise ValueError("what is not ok has advice, and nothing else has")

    def under(self, runbook: str) -> "Verdict":
        """The same, with its own heading of the runbook."""
        return replace(self, runbook=runbook)


def ok(seen: str, **figures: Figure) -> Verdict:
    return Verdict(Level.OK, seen, figures=figures)


def warning(seen: str, advice: str, **figures: Figure) -> Verdict:
    return Verdict(Level.WARNING, seen, advice, figures)


def failed(seen: str, advice: str, **figures: Figure) -> Verdict:
    return Verdict(Level.FAILED, seen, advice, figures)


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict of one check. `id` is fixed: the runbook and scripts name it.

    `runbook` is the heading to open, empty where all is well. A check that could not be made
    because of something that another finding tells is not `made`.
    """

    id: str
    title: str
    verdict: Verdict
    runbook: str = ""
    made: bool = True

    @property
    def level(self) -> Level:
        return self.verdict.level
