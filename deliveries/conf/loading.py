"""From the environment to a `Config`, or to everything that is wrong with it."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import environ

from deliveries.conf.config import Config
from deliveries.conf.contradictions import find_contradictions
from deliveries.conf.problems import ConfigurationError, Problem, UnreadableError
from deliveries.conf.variables import PREFIX, VARIABLES, Variable

_TEST_PREFIX = "MAIL_TEST_"
# C0, DEL, C1, the line separators, and what stands for bytes that are not UTF-8
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Raw:
    """A text that django-environ hands on as it is: in a str, a leading `$` names another one."""

    text: str = field(repr=False)


def load(environment: Mapping[str, str]) -> Config:
    """Read every variable; raises ConfigurationError with all problems of the environment."""
    env = _env(environment)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for variable in VARIABLES:
        try:
            values[variable.field] = _read(env, variable)
        except UnreadableError as unreadable:
            problems.append(variable.problem(str(unreadable)))
    problems.extend(find_contradictions(values))
    # outside every handler: the error must not carry others, which may hold values
    if problems:
        raise ConfigurationError(tuple(problems))
    if values["allowed_hosts"] is None:
        values["allowed_hosts"] = values["internal_http_addr"].own_names
    return Config(**values)


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The `MAIL_` variables that nothing reads, each with the known one that it resembles."""
    known = [variable.name for variable in VARIABLES]
    return {
        name: next(iter(difflib.get_close_matches(name, known, n=1)), None)
        for name in sorted(environment)
        if name.startswith(PREFIX) and not name.startswith(_TEST_PREFIX) and name not in known
    }


def _env(environment: Mapping[str, str]) -> environ.Env:
    env = environ.Env()
    env.ENVIRON = {name: _Raw(text) for name, text in environment.items() if text}
    return env


def _read(env: environ.Env, variable: Variable) -> object:
    if variable.name in env:
        return env(variable.name, cast=lambda raw: variable.read(_printable(raw.text)))
    if variable.required:
        raise UnreadableError("is not set")
    return variable.absent if variable.default is None else variable.read(variable.default)


def _printable(text: str) -> str:
    """Refuse what no value needs: it would break lines, headers or the protocol behind it."""
    if _UNPRINTABLE.search(text):
        raise UnreadableError("holds a control character, or bytes that are not UTF-8")
    return text
