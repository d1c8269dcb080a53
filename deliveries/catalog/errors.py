"""Why a command cannot be rendered. No message holds the value of a variable."""

from enum import StrEnum, unique


@unique
class Part(StrEnum):
    """The files of one locale. The value is the file's name."""

    SUBJECT = "subject.txt"
    TEXT = "text.txt"
    HTML = "html.html"


class TemplateNotFound(LookupError):  # noqa: N818 - named as the failure it is recorded as
    """The catalog has no template of this id."""

    def __init__(self, template_id: str) -> None:
        super().__init__("the catalog has no such template")
        self.template_id = template_id


class VariableMissing(Exception):  # noqa: N818 - named as the failure it is recorded as
    """Required variables are absent or null. `names` is sorted."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self.names = names

    def __str__(self) -> str:
        return f"required variables are missing: {', '.join(self.names)}"


class RenderFailed(Exception):  # noqa: N818 - named as the failure it is recorded as
    """A part does not render with these variables. `line` is None where no line is to blame."""

    def __init__(self, *, part: Part, line: int | None, reason: str) -> None:
        super().__init__(part, line, reason)
        self.part = part
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        place = self.part if self.line is None else f"{self.part}:{self.line}"
        return f"{place}: {self.reason}"


class ExpressionError(Exception):
    """An expression in a template asks for what is not given to it. The message holds no value."""
