"""The query of a list: its filters and its place."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from django.http import HttpRequest

from deliveries.http.fields import Fields
from deliveries.http.problems import Code, FieldError, Problem, Unreadable
from deliveries.http.requests import is_key
from deliveries.intake.addresses import parse_address
from deliveries.intake.schedule import parse_moment
from deliveries.intake.texts import is_line
from deliveries.listing.cursors import InvalidCursorError
from deliveries.listing.filters import Filters
from deliveries.listing.pages import LONGEST_PAGE, Page
from deliveries.states import DeliveryStatus, Source

Option = TypeVar("Option", bound=StrEnum)

PAGING = ("limit", "cursor")
FILTERS = (
    "status",
    "source",
    "recipient",
    "template_id",
    "idempotency_key",
    "created_after",
    "created_before",
)
_PAGE = 50
_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_MOST_PARAMETERS = 50
_LONGEST_TEMPLATE_ID = 128


@dataclass(frozen=True, slots=True)
class Paging:
    limit: int
    cursor: str | None = field(repr=False)

    def read(self, read: Callable[..., Page]) -> Page:
        """The page at this place. Raises Problem for a cursor of another list, or of none."""
        try:
            return read(limit=self.limit, cursor=self.cursor)
        except InvalidCursorError:
            error = FieldError("cursor", "invalid_cursor", "belongs to no page of this list")
        raise _unreadable(error)


def read_query(request: HttpRequest, *, known: tuple[str, ...]) -> Fields:
    """The parameters, each once. Raises Problem(validation_failed)."""
    try:
        pairs = parse_qsl(
            request.META.get("QUERY_STRING", ""),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except (ValueError, UnicodeDecodeError):
        raise _unreadable(FieldError("", "invalid_query", "is not a query in UTF-8")) from None
    fields = Fields(dict(pairs), known=known)
    names = [name for name, _ in pairs]
    fields.errors += [
        FieldError(name, "repeated_field", "is given more than once")
        for name in known
        if names.count(name) > 1
    ]
    return fields


def read_paging(fields: Fields) -> Paging:
    limit = fields.get("limit", _limit)
    cursor = fields.get("cursor", str)
    fields.check("the query")
    return Paging(limit=limit or _PAGE, cursor=cursor)


def read_filters(fields: Fields) -> Filters:
    return Filters(
        status=fields.get("status", _one_of(DeliveryStatus)),
        source=fields.get("source", _one_of(Source)),
        recipient=fields.get("recipient", lambda text: parse_address(text, "recipient")),
        template_id=fields.get("template_id", _template_id),
        idempotency_key=fields.get("idempotency_key", _key),
        created_after=fields.get("created_after", lambda t: parse_moment(t, "created_after")),
        created_before=fields.get("created_before", lambda t: parse_moment(t, "created_before")),
    )


def _limit(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= LONGEST_PAGE:
        raise Unreadable("invalid_limit", f"must be a number from 1 to {LONGEST_PAGE}")
    return int(text)


def _one_of(options: type[Option]) -> Callable[[Any], Option]:
    def read(text: str) -> Option:
        try:
            return options(text)
        except ValueError:
            raise Unreadable("invalid_choice", f"must be one of {', '.join(options)}") from None

    return read


def _template_id(text: str) -> str:
    if not text or len(text) > _LONGEST_TEMPLATE_ID or not is_line(text):
        raise Unreadable("invalid_template_id", "must name a template")
    return text


def _key(text: str) -> str:
    if not is_key(text):
        raise Unreadable("invalid_idempotency_key", "must be 1 to 255 visible ASCII characters")
    return text


def _unreadable(error: FieldError) -> Problem:
    return Problem(Code.VALIDATION_FAILED, "the query cannot be read", errors=[error])
