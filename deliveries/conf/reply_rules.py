"""Rules by which an installation reads replies of its relay differently than the service would."""

import re
from dataclasses import dataclass
from enum import StrEnum, unique

from deliveries.conf.problems import UnreadableError
from deliveries.conf.readers import item
from deliveries.states import Phase

# Before MAIL a refusal concerns us and never the message: no rule may make it cost one.
_PHASES = (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY, Phase.FINAL)
_ANY = "*"
_MOST = 100
_FORM = "is not of the form PHASE CODE [ENHANCED] [/PATTERN/] -> OUTCOME"

_PARTS = re.compile(r"(?:/(?:[^/\\]|\\.)*/|[^;])*")
_RULE = re.compile(
    r"(?P<phase>\S+) +(?P<code>\S+)"
    r"(?: +(?P<enhanced>(?!->)[^/ ]\S*))?"
    r"(?: +/(?P<pattern>(?:[^/\\]|\\.)*)/)?"
    r" +-> +(?P<outcome>\S+)"
)
_CODE = re.compile(r"[45](?:[0-9]{2}|xx)")
_ENHANCED = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}")
NO_ENHANCED_CODE = "none"


@unique
class RuleOutcome(StrEnum):
    """What a reply is to mean for the recipients it concerns."""

    RETRY = "retry"
    REFUSE = "refuse"
    SUPPRESS = "suppress"


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """One rule; what is None, or an empty tuple, fits anything.

    `code` is three digits or a class, `5xx`; `enhanced` a status code, or NO_ENHANCED_CODE for a
    reply that has none; `pattern` is searched for in the text.
    """

    phases: tuple[Phase, ...]
    code: str
    outcome: RuleOutcome
    enhanced: str | None = None
    pattern: re.Pattern[str] | None = None


def reply_rules(value: str) -> tuple[ReplyRule, ...]:
    """A list with semicolons between its items; one in a pattern does not count."""
    parts = _split(value)
    if len(parts) > _MOST:
        raise UnreadableError(f"holds more than {_MOST} items")
    rules: list[ReplyRule] = []
    for number, part in enumerate(parts, start=1):
        rules.append(item(_rule, part=part.strip(), number=number))
        if rules[-1] in rules[:-1]:
            raise UnreadableError(f"repeats an earlier item in item {number}")
    return tuple(rules)


def _split(value: str) -> list[str]:
    parts, start = [], 0
    while (match := _PARTS.match(value, start)) is not None:
        parts.append(match[0])
        start = match.end() + 1
        if start > len(value):
            break
    return parts


def _rule(text: str) -> ReplyRule:
    match = _RULE.fullmatch(text)
    if match is None:
        raise UnreadableError(_FORM)
    code = match["code"].lower()
    if not _CODE.fullmatch(code):
        raise UnreadableError("has a code that is neither 400 to 599 nor 4xx or 5xx")
    return ReplyRule(
        phases=_phases(match["phase"].lower()),
        code=code,
        outcome=_outcome(match["outcome"].lower()),
        enhanced=_enhanced(match["enhanced"], code),
        pattern=_pattern(match["pattern"]),
    )


def _phases(text: str) -> tuple[Phase, ...]:
    if text == _ANY:
        return _PHASES
    if text not in _PHASES:
        raise UnreadableError(f"has a phase that is not one of {', '.join(_PHASES)}, {_ANY}")
    return (Phase(text),)


def _enhanced(text: str | None, code: str) -> str | None:
    if text is None or text == _ANY:
        return None
    if text.lower() == NO_ENHANCED_CODE:
        return NO_ENHANCED_CODE
    if not _ENHANCED.fullmatch(text):
        raise UnreadableError("has an enhanced code that is neither like 5.7.1 nor none nor *")
    if text[0] != code[0]:
        raise UnreadableError("has an enhanced code of another class than its code")
    return text


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    if not text:
        raise UnreadableError("has an empty pattern")
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error:
        raise UnreadableError("has a pattern that is not a regular expression") from None


def _outcome(text: str) -> RuleOutcome:
    try:
        return RuleOutcome(text)
    except ValueError:
        known = ", ".join(RuleOutcome)
        raise UnreadableError(f"has an outcome that is not one of {known}") from None
