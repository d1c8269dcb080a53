"""Rows as plain values under the names of the API. Pure."""

from typing import Any

_GROUPS = ("to", "cc", "bcc", "reply_to")
_AS_IT_IS = (
    "delivery_id",
    "source",
    "payload_mode",
    "status",
    "template_id",
    "locale",
    "locale_used",
)
_AND_THEN = (
    "idempotency_key",
    "message_id",
    "attempt_count",
    "next_attempt_at",
    "send_at",
    "expires_at",
    "last_failure_code",
    "last_provider_summary",
)
_TIMES = ("created_at", "rendered_at", "finished_at")
_ATTEMPT = (
    "attempt_no",
    "status",
    "phase",
    "outcome_unknown",
    "smtp_code",
    "enhanced_code",
    "provider_summary",
    "failure_code",
    "scheduled_for",
    "started_at",
    "finished_at",
)
_DEAD_LETTER = ("delivery_id", "source", "failure_code", "attempt_count", "recorded_at")
_MALFORMED = (
    "stream_entry_id",
    "delivery_id",
    "source",
    "failure_code",
    "failure_message",
    "recorded_at",
)


def delivery_record(row: Any) -> dict[str, Any]:
    """A delivery; its addresses and its subject are empty once its payload is pruned."""
    mailboxes = row.mailboxes or {}
    return {
        **_fields(row, _AS_IT_IS),
        **{group: [box["email"] for box in mailboxes.get(group, ())] for group in _GROUPS},
        "subject": row.subject,
        **_fields(row, _AND_THEN),
        "recipients_refused": row.recipients_refused or [],
        "parent_delivery_id": row.parent_delivery_id,
        "trace_id": trace_id(row.traceparent),
        **_fields(row, _TIMES),
        "dead_letter": None
        if row.dead_recorded_at is None
        else {"recorded_at": row.dead_recorded_at, "reason": row.dead_reason},
    }


def attempt_record(row: Any) -> dict[str, Any]:
    return {**_fields(row, _ATTEMPT), "recipients": row.recipients or []}


def dead_letter_record(row: Any) -> dict[str, Any]:
    return _fields(row, _DEAD_LETTER)


def malformed_record(row: Any) -> dict[str, Any]:
    return _fields(row, _MALFORMED)


def trace_id(traceparent: str | None) -> str | None:
    """The trace of a stored `traceparent` (W3C Trace Context section 3.2.2)."""
    return None if traceparent is None else traceparent.split("-")[1]


def _fields(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
