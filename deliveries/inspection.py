"""One delivery shown to an operator: its record, its attempts, its entry as a dead letter.

Bodies, variables and attachments are never read, and of a login code not the subject either.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from deliveries.intake.texts import is_storable
from deliveries.models import Attempt, DeadLetter, Delivery, DeliveryPayload
from deliveries.states import Source

_GROUPS = ("to", "cc", "bcc", "reply_to")
_DELIVERY = (
    "delivery_id",
    "source",
    "payload_mode",
    "status",
    "template_id",
    "locale",
    "locale_used",
    "idempotency_key",
    "message_id",
    "attempt_count",
    "next_attempt_at",
    "send_at",
    "expires_at",
    "last_failure_code",
    "last_provider_summary",
    "recipients_accepted",
    "recipients_left",
    "recipients_refused",
    "request_id",
    "traceparent",
    "requested_at",
    "created_at",
    "rendered_at",
    "finished_at",
)
_ATTEMPT = (
    "attempt_no",
    "status",
    "worker_id",
    "scheduled_for",
    "started_at",
    "finished_at",
    "phase",
    "outcome_unknown",
    "failure_code",
    "smtp_code",
    "enhanced_code",
    "provider_summary",
    "recipients",
)
_DEAD_LETTER = ("failure_code", "reason", "attempt_count", "recorded_at")


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
    delivery = _find(delivery_id) if is_storable(delivery_id) else None
    if delivery is None:
        raise DeliveryUnknownError(f"there is no delivery {printable(delivery_id)}")
    attempts = Attempt.objects.filter(delivery=delivery).order_by("attempt_no")
    return Inspection(
        delivery=_delivery(delivery),
        attempts=[_fields(attempt, _ATTEMPT) for attempt in attempts],
        dead_letter=_dead_letter(delivery),
    )


def _find(delivery_id: str) -> Delivery | None:
    # with what hangs on it in one statement; content is left where it is
    related = ("deliverypayload", "deadletter")
    content = ("text_body", "html_body", "variables", "headers")
    return (
        Delivery.objects.select_related(*related)
        .defer(*(f"deliverypayload__{name}" for name in content))
        .filter(delivery_id=delivery_id)
        .first()
    )


def _delivery(delivery: Delivery) -> dict[str, Any]:
    payload = _payload(delivery)
    mailboxes = payload.mailboxes if payload else {}
    is_login_code = delivery.source == Source.AUTHSESSION
    return {
        **_fields(delivery, _DELIVERY),
        **{name: [box["email"] for box in mailboxes.get(name, [])] for name in _GROUPS},
        "subject": None if payload is None or is_login_code else payload.subject,
        "attachment_count": payload.attachment_count if payload else None,
    }


def _payload(delivery: Delivery) -> DeliveryPayload | None:
    try:
        payload: DeliveryPayload = delivery.deliverypayload
    except ObjectDoesNotExist:
        return None
    return payload


def _dead_letter(delivery: Delivery) -> dict[str, Any] | None:
    try:
        entry: DeadLetter = delivery.deadletter
    except ObjectDoesNotExist:
        return None
    return _fields(entry, _DEAD_LETTER)


def _fields(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _lines(fields: Mapping[str, Any], *, indent: str = "") -> Iterator[str]:
    """One line a field, those left out that hold nothing."""
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


def printable(text: str) -> str:
    """Relays and producers wrote it: nothing of it drives the terminal or breaks the line."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
