"""The examination: gather each part once, judge every check, tell all of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse
from operator import attrgetter
from typing import Any

from deliveries.conf import Config
from deliveries.diagnosis.checks import CHECKS, PARTS, STANDS_ON, Check
from deliveries.diagnosis.finding import SEVERITY, Finding, Level, Verdict, failed, warning
from deliveries.diagnosis.gathering.bounds import NotGatheredError
from deliveries.printing import counted

_is_made = attrgetter("made")


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
                "runbook": found.runbook or None,
                "figures": dict(found.verdict.figures),
            }
            for found in self.findings
        ]
        return json.dumps({"level": self.level, "checks": checks})

    def lines(self, paint: Callable[[Level, str], str]) -> Iterator[str]:
        """One line per check, advice below what is not ok, and a last line that counts.

        Checks that were not made have one line for each reason.
        """
        width = max(len(found.id) for found in self.findings)
        for found in filter(_is_made, self.findings):
            level = paint(found.level, found.level.ljust(7))
            yield f"{level}  {found.id.ljust(width)}  {found.title}: {found.verdict.seen}"
            if found.verdict.advice:
                advice = f"{found.verdict.advice} Runbook: {found.runbook}."
                yield f"{' ' * (11 + width)}-> {advice}"
        for seen, ids in self._not_made().items():
            level = paint(Level.WARNING, Level.WARNING.ljust(7))
            yield f"{level}  {counted(len(ids), 'check')} {seen}: {', '.join(ids)}"
        yield self._counts()

    def _not_made(self) -> dict[str, list[str]]:
        """Their ids by what was in the way."""
        found: dict[str, list[str]] = {}
        for finding in filterfalse(_is_made, self.findings):
            found.setdefault(finding.verdict.seen, []).append(finding.id)
        return found

    def _counts(self) -> str:
        """How many of each level, and where to begin: things depend on each other in this order."""
        counts = [sum(found.level is level for found in self.findings) for level in Level]
        words = [f"{count} {level}" for level, count in zip(Level, counts, strict=True)]
        told = ", ".join(words)
        if self.level is Level.OK:
            return told
        first = next(found for found in self.findings if found.level is self.level)
        return f"{told}. Begin with {first.id}: “{first.runbook}” in docs/runbook.md."


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
        made = error not in blamed
        verdict = _unread(error, made=made)
        blamed.add(error)
    else:
        made, verdict = True, check.judge(gathered.config, *facts)
    runbook = "" if verdict.level is Level.OK else verdict.runbook or check.runbook
    return Finding(id=check.id, title=check.title, verdict=verdict, runbook=runbook, made=made)


def _unread(error: NotGatheredError, *, made: bool) -> Verdict:
    """The first check that meets the problem fails for it; the others are not made."""
    if made:
        return failed(str(error), error.advice).under(error.runbook)
    return warning(f"not looked at: {error}", "Mend that first.").under(error.runbook)
