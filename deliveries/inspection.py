"""One delivery shown to an operator: its record, its attempts, its entry as a dead letter.

Bodies, variables and attachments are never read, and of a login code not the subject either.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deliveries.intake.texts import is_storable
from deliveries.listing import statements
from deliveries.listing.records import attempt_record, delivery_record
from deliveries.printing import printable, rfc3339

# in addition to what the API shows
_DELIVERY = (
    "attachment_count",
    "recipients_accepted",
    "recipients_left",
    "request_id",
    "traceparent",
    "requested_at",
)
_ATTEMPT = ("worker_id",)
_DEAD_LETTER = ("failure_code", "attempt_count")


class DeliveryUnknownError(Exception):
    """No delivery has this id."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What may be shown of a delivery: field names and plain values, times still times.

    `delivery` holds the addresses too; `dead_letter` is None where there is none.
    """

    delivery: dict[str, Any] = field(repr=False)
    attempts: list[dict[str, Any]] = field(repr=False)
    dead_letter: dict[str, Any] | None = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """The delivery's fields, `attempts` and `dead_letter`."""
        return {**self.delivery, "attempts": self.attempts, "dead_letter": self.dead_letter}

    def __str__(self) -> str:
        lines = [*_lines(self.delivery)]
        for attempt in self.attempts:
            lines += ["", f"Attempt {attempt['attempt_no']}"]
            lines += _lines({k: v for k, v in attempt.items() if k != "attempt_no"}, indent="  ")
        if not self.attempts:
            lines += ["", "No attempts yet"]
        if self.dead_letter is not None:
            lines += ["", "Dead letter", *_lines(self.dead_letter, indent="  ")]
        return "\n".join(lines)


def inspect_delivery(delivery_id: str) -> Inspection:
    """Raises DeliveryUnknownError and DatabaseError."""
    rows = statements.ONE.fetch(delivery_id=delivery_id) if is_storable(delivery_id) else []
    if not rows:
        raise DeliveryUnknownError(f"there is no delivery {printable(delivery_id)}")
    (row,) = rows
    record = delivery_record(row)
    entry = record.pop("dead_letter")
    attempts = statements.ATTEMPTS.fetch(delivery_id=delivery_id)
    return Inspection(
        delivery={**record, **_fields(row, _DELIVERY)},
        attempts=[
            {**attempt_record(attempt), **_fields(attempt, _ATTEMPT)}
            for attempt in attempts
            if attempt.attempt_no is not None
        ],
        dead_letter=entry and {**_fields(row, _DEAD_LETTER, prefix="dead_"), **entry},
    )


def _fields(row: Any, names: tuple[str, ...], *, prefix: str = "") -> dict[str, Any]:
    return {name: getattr(row, prefix + name) for name in names}


def _lines(fields: Mapping[str, Any], *, indent: str = "") -> Iterator[str]:
    """One line per field; empty ones are left out."""
    shown = {name: value for name, value in fields.items() if value not in (None, [], False)}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        yield f"{indent}{name.ljust(width)}  {_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return printable(", ".join(value))
    if isinstance(value, list | dict):
        return printable(json.dumps(value, ensure_ascii=False))
    return printable(str(value))
