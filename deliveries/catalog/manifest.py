"""`template.json`: the variables that a template declares, and its examples."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

Json: TypeAlias = Any  # a value as JSON has it

_TEMPLATE_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# words with a meaning of their own in a template
_RESERVED = re.compile(
    "[Tt]rue|[Ff]alse|[Nn]one|and|or|not|in|is|if|else|self|super|loop|caller|varargs|kwargs"
)
_MEMBERS = frozenset({"variables", "examples"})
_VARIABLE_MEMBERS = frozenset({"required", "optional"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a command may bring. Each example holds every required variable and no unknown one."""

    required: frozenset[str]
    optional: frozenset[str]
    examples: tuple[dict[str, Any], ...]

    @property
    def declared(self) -> frozenset[str]:
        return self.required | self.optional


class ManifestError(ValueError):
    """Not a manifest. `objections` holds line and text of each."""

    def __init__(self, objections: list[tuple[int, str]]) -> None:
        super().__init__(objections)
        self.objections = objections


def is_template_id(name: str) -> bool:
    return _TEMPLATE_ID.fullmatch(name) is not None


def read_manifest(text: str) -> Manifest:
    """Raises ManifestError with everything that is wrong."""
    document = _parse(text)
    objections = [(_line(text, word), said) for word, said in _objections(document)]
    if objections:
        raise ManifestError(objections)
    variables = document["variables"]
    return Manifest(
        required=frozenset(variables.get("required", ())),
        optional=frozenset(variables.get("optional", ())),
        examples=tuple(document["examples"]),
    )


class _UnwantedError(ValueError):
    """JSON that a parser takes and this service does not."""


def _parse(text: str) -> Json:
    try:
        return json.loads(text, object_pairs_hook=_members_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        objection = error.lineno, f"is not JSON: {error.msg}"
    except _UnwantedError as error:
        word, said = error.args
        objection = _line(text, word), said
    except (RecursionError, ValueError):
        objection = 1, "is not JSON that can be read: too deep, or a number too long"
    raise ManifestError([objection])


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _UnwantedError(name, f"the member '{name}' appears twice in one object")
        members[name] = value
    return members


def _no_constant(name: str) -> NoReturn:
    raise _UnwantedError(name, f"is not JSON: {name}")


def _line(text: str, word: str) -> int:
    """The line of the word as JSON writes it, of the bare word, or the first."""
    for sought in (json.dumps(word), json.dumps(word, ensure_ascii=False), word):
        at = text.find(sought)
        if at >= 0:
            return text.count("\n", 0, at) + 1
    return 1


def _objections(document: Json) -> Iterator[tuple[str, str]]:
    """The word beside which each problem stands, and its text."""
    if not isinstance(document, dict):
        yield "", "is not an object"
        return
    yield from _unknown(document, _MEMBERS, within="template.json")
    variables = document.get("variables")
    if not isinstance(variables, dict):
        yield "variables", "'variables' must be an object with 'required' and 'optional'"
        return
    yield from _unknown(variables, _VARIABLE_MEMBERS, within="'variables'")
    wrong = list(_wrong_names(variables))
    yield from wrong
    declared = {} if wrong else variables
    yield from _wrong_examples(document.get("examples"), declared)


def _unknown(given: dict[str, Any], known: frozenset[str], *, within: str) -> Iterator[Any]:
    for name in given:
        if name not in known:
            yield name, f"unknown member '{name}' in {within}"


def _wrong_names(variables: dict[str, Any]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for member in sorted(_VARIABLE_MEMBERS, reverse=True):
        names = variables.get(member, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            yield member, f"'{member}' must be a list of names"
            continue
        for name in names:
            if not _VARIABLE.fullmatch(name) or _RESERVED.fullmatch(name):
                yield name, f"'{name}' cannot name a variable"
            elif name in seen:
                yield name, f"the variable '{name}' is declared twice"
            seen.add(name)


def _wrong_examples(examples: Json, variables: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not isinstance(examples, list) or not examples:
        yield "examples", "'examples' must be a list with at least one example"
        return
    required = variables.get("required", ())
    declared = {*required, *variables.get("optional", ())}
    for number, example in enumerate(examples, start=1):
        if not isinstance(example, dict):
            yield "examples", f"example {number} is not an object"
            continue
        if not variables:
            continue
        for name in required:
            if example.get(name) is None:
                yield "examples", f"example {number} lacks the required variable '{name}'"
        for name in sorted(set(example) - declared):
            yield name, f"example {number} has the variable '{name}', which is not declared"
