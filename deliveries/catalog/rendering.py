"""One template of one locale, and what it becomes with a command's variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError, UndefinedError

from deliveries.catalog.bounds import BUDGET, LONGEST, Budget
from deliveries.catalog.errors import ExpressionError, Part, RenderFailed, VariableMissing
from deliveries.catalog.filters import LOCALE

LONGEST_SUBJECT = 998  # characters; RFC 5322 section 2.1.1


@dataclass(frozen=True, slots=True)
class Template:
    """A template as one locale has it. `unused` are declared variables that no part mentions."""

    template_id: str
    locale_used: str
    required: frozenset[str]
    optional: frozenset[str]
    unused: frozenset[str]
    parts: Mapping[Part, jinja2.Template] = field(repr=False)

    def declared(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the variables that the template declares: nobody needs the others."""
        known = self.required | self.optional
        return {name: value for name, value in variables.items() if name in known}

    @property
    def has_html(self) -> bool:
        return Part.HTML in self.parts


@dataclass(frozen=True, slots=True)
class Rendered:
    """The content of one mail. The subject is one line with nothing around it."""

    subject: str = field(repr=False)
    text_body: str = field(repr=False)
    html_body: str | None = field(repr=False)


def render(template: Template, variables: Mapping[str, Any]) -> Rendered:
    """Renders every part. `variables` are as JSON has them; undeclared ones are ignored.

    A required variable that is absent or null raises VariableMissing: no mail says "None". An
    optional one that is absent is null to the template. RenderFailed: a part fails, is empty, is
    larger than 5 MiB, or holds what cannot be sent.
    """
    missing = [name for name in template.required if variables.get(name) is None]
    if missing:
        raise VariableMissing(tuple(sorted(missing)))
    given: dict[str, Any] = {name: variables[name] for name in template.required}
    given |= {name: variables.get(name) for name in template.optional}
    given[LOCALE] = template.locale_used
    texts = {part: _render_part(part, compiled, given) for part, compiled in template.parts.items()}
    return Rendered(
        subject=_subject(texts[Part.SUBJECT]),
        text_body=texts[Part.TEXT],
        html_body=texts.get(Part.HTML),
    )


def _render_part(part: Part, compiled: jinja2.Template, given: Mapping[str, Any]) -> str:
    try:
        text = _write(compiled, given)
    except Exception as error:  # noqa: BLE001 - a template may raise anything
        line = _line(compiled, error.__traceback__)
        failure = RenderFailed(part=part, line=line, reason=_reason(error))
    else:
        reason = _unsendable(text)
        if reason is None:
            return text
        failure = RenderFailed(part=part, line=None, reason=reason)
    # out here, so that it does not carry the first error, which may hold a value
    raise failure


def _write(compiled: jinja2.Template, given: Mapping[str, Any]) -> str:
    """Runs the part, and stops it once it has written too much."""
    context = compiled.new_context({**given, BUDGET: Budget()})
    pieces = []
    length = 0
    for piece in compiled.root_render_func(context):
        length += len(piece)
        if length > LONGEST:
            raise ExpressionError(f"it grows beyond {LONGEST:,} characters")
        pieces.append(piece)
    return "".join(pieces)


def _reason(error: Exception) -> str:
    """What went wrong, in words that hold no variable's value: most errors' own words may."""
    match error:
        case ExpressionError():
            return str(error)
        case UndefinedError():  # names from the template, or the hints of the sandbox
            return str(error)
        case SecurityError():
            return "the sandbox refuses this"
        case RecursionError():
            return "it calls itself without end"
        case _:
            return f"an expression fails ({type(error).__name__})"


def _line(compiled: jinja2.Template, traceback: TracebackType | None) -> int | None:
    """The template's line that was running, from the innermost frame of its code."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == compiled.filename:
            line = compiled.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def _unsendable(text: str) -> str | None:
    if not text or text.isspace():
        return "it is empty"
    if "\0" in text:
        return "it holds a NUL character"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "it holds an unpaired surrogate"
    if size > LONGEST:
        return f"it is larger than {LONGEST:,} bytes"
    return None


def _subject(text: str) -> str:
    subject = text.strip()
    if not subject.isprintable() and any(map(_breaks_a_header, subject)):
        reason = "a subject is one line without control characters"
    elif len(subject) > LONGEST_SUBJECT:
        reason = f"a subject has at most {LONGEST_SUBJECT} characters"
    else:
        return subject
    raise RenderFailed(part=Part.SUBJECT, line=None, reason=reason)


def _breaks_a_header(character: str) -> bool:
    """C0, DEL, C1, and the line and paragraph separators."""
    return character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029"
