"""Pages and single reads, as plain values under the names of the API; times still times.

    page = list_deliveries(filters=Filters(status=DeliveryStatus.FAILED), limit=50)
    more = list_deliveries(filters=..., limit=50, cursor=page.next_cursor)

Every read runs in a transaction of its own that PostgreSQL ends after two seconds.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError
from psycopg.types.json import Jsonb

from deliveries.database import Statement, atomic, is_cancelled
from deliveries.listing import statements
from deliveries.listing.cursors import List, Place, read_cursor, write_cursor
from deliveries.listing.filters import Filters
from deliveries.listing.records import (
    attempt_record,
    dead_letter_record,
    delivery_record,
    malformed_record,
)
from deliveries.states import DeliveryStatus

LONGEST_PAGE = 200

_BOUND = Statement(
    name="listing.bound",
    purpose="for this transaction: no read takes longer, each is planned for what it asks",
    sql="""
SELECT set_config('statement_timeout', '2s', true) AS bound,
       set_config('plan_cache_mode', 'force_custom_plan', true) AS plans
""",
)
# How long after its `created_at` a delivery's id may be drawn: far longer than the sessions'
# bounds let an accepting transaction last.
_SLACK = timedelta(minutes=5)
_AFTER_ALL = Place(key=2**63 - 1, moment=datetime.max.replace(tzinfo=UTC))


class ReadTooLongError(Exception):
    """The read was not done within its bound: ask for less."""


@dataclass(frozen=True, slots=True)
class Page:
    """`next_cursor` is None on the last page."""

    items: list[dict[str, Any]] = field(repr=False)
    next_cursor: str | None


def list_deliveries(*, filters: Filters, limit: int, cursor: str | None = None) -> Page:
    """Deliveries, newest first. Raises InvalidCursorError and ReadTooLongError.

    Whether the filters can be answered quickly is `require_window`'s to say, not asked here.
    """
    place = _place(List.DELIVERIES, cursor)
    with bounded():
        parameters = _parameters(filters, place) | {"limit": limit + 1}
        rows = _way_in(filters).fetch(**parameters)
    return _page(rows, limit, delivery_record, List.DELIVERIES, lambda row: Place(row.id))


def find_delivery(delivery_id: str) -> dict[str, Any] | None:
    """One delivery, None when there is none. Raises ReadTooLongError."""
    with bounded():
        rows = statements.ONE.fetch(delivery_id=delivery_id)
    return delivery_record(rows[0]) if rows else None


def list_attempts(delivery_id: str) -> list[dict[str, Any]] | None:
    """A delivery's attempts, oldest first; None when there is no such delivery."""
    with bounded():
        rows = statements.ATTEMPTS.fetch(delivery_id=delivery_id)
    if not rows:
        return None
    return [attempt_record(row) for row in rows if row.attempt_no is not None]


def list_dead_letters(*, limit: int, cursor: str | None = None) -> Page:
    """Dead letters, the newest entry first. Raises InvalidCursorError and ReadTooLongError."""
    place = _place(List.DEAD_LETTERS, cursor)
    with bounded():
        rows = statements.DEAD_LETTERS.fetch(moment=place.moment, key=place.key, limit=limit + 1)
    return _page(
        rows,
        limit,
        dead_letter_record,
        List.DEAD_LETTERS,
        lambda row: Place(row.delivery_pk, row.recorded_at),
    )


def list_malformed_commands(*, limit: int, cursor: str | None = None) -> Page:
    """Malformed commands, newest first, never their raw fields."""
    place = _place(List.MALFORMED_COMMANDS, cursor)
    with bounded():
        rows = statements.MALFORMED_COMMANDS.fetch(key=place.key, limit=limit + 1)
    return _page(rows, limit, malformed_record, List.MALFORMED_COMMANDS, lambda row: Place(row.id))


@contextmanager
def bounded() -> Iterator[None]:
    """A transaction whose statements PostgreSQL ends after two seconds.

    Raises ReadTooLongError when it did.
    """
    try:
        with atomic():
            _BOUND.fetch()
            yield
    except DatabaseError as error:
        if not is_cancelled(error):
            raise
        raise ReadTooLongError from None


def _place(kind: List, cursor: str | None) -> Place:
    return _AFTER_ALL if cursor is None else read_cursor(kind, cursor)


def _way_in(filters: Filters) -> Statement:
    """The statement whose index leaves the least to look at."""
    if filters.idempotency_key is not None:
        return statements.PAGE_OF_KEY
    if filters.recipient is not None:
        return statements.PAGE_OF_RECIPIENT
    if filters.status is not None and filters.status is not DeliveryStatus.SENT:
        return statements.PAGE_OF_STATUS[filters.status]
    return statements.PAGE


def _parameters(filters: Filters, place: Place) -> dict[str, Any]:
    low, high = _bounds(filters)
    recipient = {"email": filters.recipient}
    return {
        "low": low,
        "high": min(high, place.key),
        "in_to": Jsonb({"to": [recipient]}),
        "in_cc": Jsonb({"cc": [recipient]}),
        "in_bcc": Jsonb({"bcc": [recipient]}),
        **{name: getattr(filters, name) for name in Filters.__dataclass_fields__},
    }


def _bounds(filters: Filters) -> tuple[int, int]:
    """The ids between which the time window lies, both excluded."""
    low, high = 0, _AFTER_ALL.key
    if filters.created_after is None and filters.created_before is None:
        return low, high
    row = statements.BOUNDS.fetch(
        after=filters.created_after, before=filters.created_before, slack=_SLACK
    )[0]
    return row.low or low, row.high or high


def _page(
    rows: list[Any],
    limit: int,
    record: Callable[[Any], dict[str, Any]],
    kind: List,
    place: Callable[[Any], Place],
) -> Page:
    """One row more than the page holds was asked for: it says whether another page follows."""
    more = len(rows) > limit
    shown = rows[:limit]
    return Page(
        items=[record(row) for row in shown],
        next_cursor=write_cursor(kind, place(shown[-1])) if more else None,
    )
