"""docs/runbook.md, taken apart: its commands, its queries, its incidents."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "runbook.md"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^### (.+)$", re.MULTILINE)
_PROGRAM = ["python", "manage.py"]


@dataclass(frozen=True)
class Incident:
    """One incident: its parts as they are written."""

    title: str
    symptom: str
    checks: str
    remedy: str


def text() -> str:
    return DOCUMENT.read_text("utf-8")


def blocks(language: str, part: str) -> list[str]:
    return [body for found, body in _FENCE.findall(part) if found == language]


def commands(part: str, *, program: Sequence[str] = _PROGRAM, **words: str) -> list[list[str]]:
    """The arguments after `manage.py` of each command, its words in capitals filled in."""
    lines = [line for block in blocks("sh", part) for line in block.splitlines()]
    found = [list(dropwhile(_is_assignment, shlex.split(_bare(line)))) for line in lines]
    size = len(program)
    return [
        [words.get(word.partition(".")[0], word) for word in argv[size:]]
        for argv in found
        if argv[:size] == list(program)
    ]


def _bare(line: str) -> str:
    """What a loop of the shell does, once."""
    return line.partition(" do ")[2].removesuffix("; done") if line.startswith("for ") else line


def _is_assignment(word: str) -> bool:
    return re.match(r"[A-Z_]+=", word) is not None


def incidents() -> dict[str, Incident]:
    part = text().partition("\n## Incidents\n")[2].partition("\n## ")[0]
    starts = list(_HEADING.finditer(part))
    ends = [heading.start() for heading in starts[1:]] + [len(part)]
    found = [
        _incident(heading[1], part[heading.end() : end])
        for heading, end in zip(starts, ends, strict=True)
    ]
    return {incident.title: incident for incident in found}


def _incident(title: str, body: str) -> Incident:
    head, _, rest = body.partition("\nChecks:\n")
    checks, _, remedy = rest.partition("\nRemedy")
    return Incident(title, head.strip().removeprefix("Symptom:"), checks, remedy)
