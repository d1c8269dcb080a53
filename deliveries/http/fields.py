"""Named values, of a body or of a query: each read for itself, all that is wrong told together."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from deliveries.http.problems import Code, FieldError, Problem, Unreadable
from deliveries.intake.rejection import Rejection

Value = TypeVar("Value")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_MOST_UNKNOWN = 20


class Fields:
    """Reads what is known of `given` and collects what is wrong with it."""

    def __init__(self, given: Mapping[str, Any], *, known: tuple[str, ...]) -> None:
        self._given = given
        # only what looks like a name is repeated to the caller
        self.errors = [
            FieldError(name if _NAME.fullmatch(name) else "", "unknown_field", "is not known here")
            for name in sorted(given.keys() - set(known))[:_MOST_UNKNOWN]
        ]

    def require(self, name: str, read: Callable[[Any], Value]) -> Value | None:
        """The value; None where it is missing or wrong, and then there is an error."""
        if name not in self._given:
            self.errors.append(FieldError(name, "missing_field", "is missing"))
        return self.get(name, read)

    def get(self, name: str, read: Callable[[Any], Value]) -> Value | None:
        """The value; None where it is absent or wrong. `read` raises Unreadable or Rejection."""
        if name not in self._given:
            return None
        try:
            return read(self._given[name])
        except Unreadable as wrong:
            self.errors.append(FieldError(name, wrong.code, wrong.detail))
        except Rejection as rejection:
            detail = rejection.message.removeprefix(f"{name}: ")
            self.errors.append(FieldError(name, rejection.code, detail))
        return None

    def check(self, what: str) -> None:
        """Raises Problem(validation_failed) when anything was wrong."""
        if self.errors:
            raise Problem(
                Code.VALIDATION_FAILED, f"{what} cannot be read", errors=tuple(self.errors)
            )
