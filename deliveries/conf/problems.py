"""What is wrong with a configuration. No text here holds the value: it might be a secret."""

from dataclasses import dataclass


class UnreadableError(Exception):
    """A value is not what its variable takes. The message completes "MAIL_X ..."."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One variable to fix: what is wrong with it, and a value that would be right."""

    variable: str
    wrong: str
    example: str

    def __str__(self) -> str:
        return f"{self.variable} {self.wrong}. Example: {self.variable}={self.example}"


class ConfigurationError(Exception):
    """The configuration cannot be used. `problems` holds all that was found, one per line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))
