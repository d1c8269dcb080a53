"""Rows as the service would have left them, for what doctor reads."""

from datetime import UTC, datetime, timedelta
from itertools import count

from deliveries.models import Attempt, DeadLetter, Delivery

_NUMBERS = count(1)
TERMINAL = {"sent", "suppressed", "failed", "dead_letter"}
LANES = {"authsession": 0, "operator_resend": 1, "notification": 2}


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def delivery(status="queued", *, source="notification", due_ago=0.0, ended_ago=1.0, **changes):
    number = next(_NUMBERS)
    waits = status in {"queued", "rendered"}
    values = {
        "delivery_id": f"d-{number}",
        "idempotency_key": f"k-{number}",
        "fingerprint": b"f" * 32,
        "message_id": f"<{number}@example.com>",
        "source": source,
        "payload_mode": "rendered",
        "status": status,
        "requested_at": ago(due_ago),
        "next_attempt_at": ago(due_ago) if waits else None,
        "finished_at": ago(ended_ago) if status in TERMINAL else None,
        **changes,
    }
    return Delivery.objects.create(**values)


def attempt(row, status="provider_accepted", *, code=None, began_ago=3.0, ended_ago=1.0, **changes):
    begun, ended = status != "scheduled", status not in {"scheduled", "in_progress"}
    values = {
        "delivery": row,
        "attempt_no": row.attempt_set.count() + 1,
        "lane": LANES[row.source],
        "status": status,
        "failure_code": code,
        "scheduled_for": ago(began_ago),
        "worker_id": 1 if begun else None,
        "started_at": ago(began_ago) if begun else None,
        "finished_at": ago(ended_ago) if ended else None,
        "phase": "final" if ended else None,
        **changes,
    }
    return Attempt.objects.create(**values)


def dead_letter(reason="451 4.3.0 later", *, code="temporary_reply", recorded_ago=1.0, **changes):
    row = delivery("dead_letter", ended_ago=recorded_ago, attempt_count=4, **changes)
    DeadLetter.objects.create(
        delivery=row,
        failure_code=code,
        reason=reason,
        attempt_count=4,
        recorded_at=ago(recorded_ago),
    )
    return row
