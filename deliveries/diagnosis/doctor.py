"""The examination: gather each part once, judge every check, tell all of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from deliveries.conf import Config
from deliveries.diagnosis.checks import CHECKS, PARTS, STANDS_ON, Check
from deliveries.diagnosis.finding import SEVERITY, Finding, Level, Verdict, failed, warning
from deliveries.diagnosis.gathering.bounds import NotGatheredError, TooSlowError

_SEE_CONFIGURATION = "See docs/runbook.md, and the variables of docs/configuration.md that name it."


class UnknownCheckError(Exception):
    """No check has this id, and none has one that begins with it."""


@dataclass(frozen=True, slots=True)
class Examination:
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        return max((found.level for found in self.findings), key=SEVERITY.__getitem__)

    @property
    def exit_status(self) -> int:
        """1 when anything failed; warnings alone are 0."""
        return int(self.level is Level.FAILED)

    def as_json(self) -> str:
        checks = [
            {
                "id": found.id,
                "title": found.title,
                "level": found.level,
                "seen": found.verdict.seen,
                "advice": found.verdict.advice or None,
                "figures": dict(found.verdict.figures),
            }
            for found in self.findings
        ]
        return json.dumps({"level": self.level, "checks": checks})

    def lines(self, paint: Callable[[Level, str], str]) -> Iterator[str]:
        """One line a check, advice below what is not ok, and a last line that counts."""
        width = max(len(found.id) for found in self.findings)
        for found in self.findings:
            level = paint(found.level, found.level.ljust(7))
            yield f"{level}  {found.id.ljust(width)}  {found.title}: {found.verdict.seen}"
            if found.verdict.advice:
                yield f"{' ' * (11 + width)}-> {found.verdict.advice}"
        counts = [sum(found.level is level for found in self.findings) for level in Level]
        words = [f"{count} {level}" for level, count in zip(Level, counts, strict=True)]
        yield ", ".join(words)


@dataclass(slots=True)
class _Gathered:
    """The facts of each part, gathered at the first use; a part that failed fails only once."""

    config: Config
    _facts: dict[str, Any] = field(default_factory=dict)
    _problems: dict[str, NotGatheredError] = field(default_factory=dict)

    def of(self, part: str) -> Any:
        """Raises NotGatheredError."""
        for below in STANDS_ON.get(part, ()):
            self.of(below)
        if part in self._problems:
            raise self._problems[part]
        if part not in self._facts:
            try:
                self._facts[part] = PARTS[part](self.config)
            except NotGatheredError as error:
                self._problems[part] = error
                raise
        return self._facts[part]


def examine(*, config: Config, only: Sequence[str] = ()) -> Examination:
    """Make the checks whose id is, or begins with, one of `only`; all without it.

    Raises UnknownCheckError.
    """
    chosen = [check for check in CHECKS if not only or any(_meant(check, word) for word in only)]
    for word in only:
        if not any(_meant(check, word) for check in CHECKS):
            raise UnknownCheckError(f"no check is named {word}: see manage.py doctor --list")
    gathered, blamed = _Gathered(config), set[NotGatheredError]()
    return Examination(tuple(_find(check, gathered, blamed) for check in chosen))


def _meant(check: Check, word: str) -> bool:
    return check.id == word or check.id.startswith(f"{word}.")


def _find(check: Check, gathered: _Gathered, blamed: set[NotGatheredError]) -> Finding:
    try:
        facts = [gathered.of(part) for part in check.needs]
    except NotGatheredError as error:
        verdict = _unread(error, is_first=error not in blamed)
        blamed.add(error)
    else:
        verdict = check.judge(gathered.config, *facts)
    return Finding(id=check.id, title=check.title, verdict=verdict)


def _unread(error: NotGatheredError, *, is_first: bool) -> Verdict:
    """The first check that meets the problem fails for it; the others could not be made."""
    if not is_first:
        return warning(f"not looked at: {error}", "Mend that first.")
    if isinstance(error, TooSlowError):
        return failed(
            str(error), "PostgreSQL is too slow: is it short of memory or I/O, or locked?"
        )
    return failed(str(error), _SEE_CONFIGURATION)
