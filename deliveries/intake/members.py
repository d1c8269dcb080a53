"""The payload of a command: its JSON, and its members by mode. Pure."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from deliveries.catalog.locales import canonical as canonical_locale
from deliveries.intake.addresses import GROUPS, parse_mailboxes
from deliveries.intake.attachments import parse_attachments
from deliveries.intake.headers import parse_headers
from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.intake.schedule import parse_schedule
from deliveries.intake.texts import is_line, is_storable
from deliveries.intake.weight import MOST_VALUES, has_too_many_values
from deliveries.payload import Attachment, Mailbox
from deliveries.states import PayloadMode

_COMMON = frozenset({*GROUPS, "attachments", "headers", "send_at", "expires_at"})
_MEMBERS = {
    PayloadMode.RENDERED: _COMMON | {"subject", "text_body", "html_body"},
    PayloadMode.TEMPLATE: _COMMON | {"template_id", "locale", "variables"},
}
_LONGEST_SUBJECT = 998
_DEEPEST = 64
# RFC 5646 section 2.1, the form of a tag: the usual one, a private one, or one of those from before
# the form. Whether its subtags are registered is not asked.
_LOCALE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?"
    r"(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*"
    r"(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+"
    r"|en-gb-oed|sgn-(?:be-fr|be-nl|ch-de)"
    r"|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_LOCALE = 85


@dataclass(frozen=True, slots=True)
class RenderedContent:
    subject: str = field(repr=False)
    text_body: str = field(repr=False)
    html_body: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """`locale` is in canonical case (RFC 5646 section 2.1.1)."""

    template_id: str
    locale: str
    variables: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Members:
    """The members of one payload, checked."""

    content: RenderedContent | TemplateContent
    to: tuple[Mailbox, ...] = field(repr=False)
    cc: tuple[Mailbox, ...] = field(repr=False)
    bcc: tuple[Mailbox, ...] = field(repr=False)
    reply_to: tuple[Mailbox, ...] = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    attachments: tuple[Attachment, ...] = field(repr=False)
    send_at: datetime | None
    expires_at: datetime | None


def load_json(raw: bytes) -> dict[str, Any]:
    """One JSON object, strictly: no member twice, no NaN or number that a float cannot hold,
    bounded in depth and in memory.

    Raises Rejection(invalid_payload_json).
    """
    if has_too_many_values(raw):
        raise _broken(f"has more than {MOST_VALUES} values")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except Rejection:
        raise
    except UnicodeDecodeError:
        raise _broken("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _broken(f"is not JSON: line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise _broken("holds a number too long, or is nested too deeply, to be read") from None
    if not isinstance(value, dict):
        raise _broken("must be an object")
    _check_depth(value)
    return value


def parse_members(*, mode: PayloadMode, members: Mapping[str, Any]) -> Members:
    """Check a payload of this mode. Raises Rejection with the code of the first that is wrong."""
    if not members.keys() <= _MEMBERS[mode]:
        raise _out_of_place(mode, members.keys() - _MEMBERS[mode])
    groups = parse_mailboxes(members)
    content = _rendered(members) if mode is PayloadMode.RENDERED else _template(members)
    headers = parse_headers(members.get("headers", {}))
    attachments = parse_attachments(members.get("attachments", []))
    send_at, expires_at = parse_schedule(members)
    return Members(
        content=content,
        **groups,
        headers=headers,
        attachments=attachments,
        send_at=send_at,
        expires_at=expires_at,
    )


def parse_locale(text: Any) -> str:
    """A language tag in canonical case. Raises Rejection(invalid_locale)."""
    if not isinstance(text, str) or len(text) > _LONGEST_LOCALE:
        raise Rejection(RejectionCode.INVALID_LOCALE, "locale: must be a language tag")
    if not _LOCALE.fullmatch(text):
        raise Rejection(RejectionCode.INVALID_LOCALE, "locale: is not a BCP 47 language tag")
    return canonical_locale(text)


def _rendered(members: Mapping[str, Any]) -> RenderedContent:
    subject = members.get("subject")
    if not isinstance(subject, str) or not subject.strip():
        raise Rejection(RejectionCode.INVALID_SUBJECT, "subject: must be text, and not blank")
    if len(subject) > _LONGEST_SUBJECT or not is_line(subject):
        raise Rejection(
            RejectionCode.INVALID_SUBJECT,
            f"subject: must be one line of at most {_LONGEST_SUBJECT} characters",
        )
    return RenderedContent(
        subject=subject,
        text_body=_body(members.get("text_body"), "text_body"),
        html_body=_body(members["html_body"], "html_body") if "html_body" in members else None,
    )


def _body(text: Any, name: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise Rejection(RejectionCode.INVALID_BODY, f"{name}: must be text, and not blank")
    if not is_storable(text):
        raise Rejection(
            RejectionCode.INVALID_BODY, f"{name}: holds a NUL character or an unpaired surrogate"
        )
    return text


def _template(members: Mapping[str, Any]) -> TemplateContent:
    template_id = members.get("template_id")
    if not isinstance(template_id, str) or not is_line(template_id) or not template_id:
        raise Rejection(RejectionCode.TEMPLATE_NOT_FOUND, "template_id: must name a template")
    locale = parse_locale(members.get("locale"))
    if "variables" not in members:
        raise Rejection(RejectionCode.TEMPLATE_VARIABLE_MISSING, "variables: is missing")
    variables = members["variables"]
    if not isinstance(variables, dict):
        raise _broken("variables: must be an object")
    return TemplateContent(template_id=template_id, locale=locale, variables=variables)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _broken("gives a member twice")
    return members


def _out_of_place(mode: PayloadMode, unknown: set[str]) -> Rejection:
    """Names a member of the other mode; any other name is the producer's text."""
    misplaced = sorted(unknown & frozenset().union(*_MEMBERS.values()))
    if misplaced:
        return _broken(f"{misplaced[0]} is not a member in payload_mode {mode}")
    return _broken(f"has {len(unknown)} unknown member(s)")


def _finite(text: str) -> float:
    """JSON bounds no number; `1e400` is Infinity to Python, which no template or database has."""
    number = float(text)
    if math.isinf(number):
        raise _broken("holds a number that is too large")
    return number


def _refuse_constant(_name: str) -> NoReturn:
    raise _broken("holds NaN or Infinity")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _broken(f"is nested more than {_DEEPEST} deep")


def _broken(message: str) -> Rejection:
    return Rejection(RejectionCode.INVALID_PAYLOAD_JSON, f"payload_json: {message}")
