"""Every worker query on 200,000 rows goes through the index that was made for it."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import deliveries
from deliveries.intake.reservations import LOOK_UP
from deliveries.transitions.claim import CLAIM, GIVE_BACK, STRAYS
from deliveries.transitions.completion import COMPLETE
from deliveries.transitions.expiry import EXPIRE, EXPIRE_IN_HAND
from deliveries.transitions.handout import BEGINNING, HAND_OUT, LOOK_AHEAD
from deliveries.transitions.recovery import HELD, LOST, REOPEN, WRITTEN
from deliveries.transitions.resend import JUDGE, RESEND, SENT_AGAIN
from tests.plans import check_plan, custom_plan, filled, generic_plan

__all__ = ["filled"]

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
_COMPLETION = {"attempt_id": 1, "worker_id": 1, "attempt_status": "timed_out", "accepted": 0}

CASES = [
    (
        LOOK_AHEAD,
        {
            "sources": ["authsession", "operator_resend", "notification"],
            "floors": [BEGINNING] * 3,
        },
        {"deliveries_next_attempt_at"},
    ),
    (
        HAND_OUT,
        {"source": "notification", "lane": 2, "bound": 256, "batch": 100, "floor": BEGINNING},
        {"deliveries_next_attempt_at", "attempts_scheduled"},
    ),
    (
        CLAIM,
        {"worker_id": 1, "limit": 50, "last_lane": 2, "inline_bytes": 65536},
        {"attempts_scheduled"},
    ),
    (GIVE_BACK, {"worker_id": 1, "attempt_ids": [1, 2]}, set()),
    (COMPLETE, {"completions": json.dumps([_COMPLETION] * 100)}, set()),
    (EXPIRE, {"batch": 500}, {"deliveries_expires_at"}),
    (EXPIRE_IN_HAND, {"worker_id": 1, "attempt_ids": [1, 2]}, set()),
    (
        LOOK_UP,
        {
            "source": ["notification"] * 500,
            "idempotency_key": [f"k-{n}" for n in range(500)],
            "delivery_id": [f"d-{n}" for n in range(500)],
        },
        set(),
    ),
    (
        LOST,
        {"silent": [1], "seen": [NOW], "overdue": [1], "batch": 500},
        {"attempts_in_progress"},
    ),
    (HELD, {}, {"attempts_in_progress"}),
    (REOPEN, {"worker_id": 1, "attempt_id": [1, 2], "ends": [True, False]}, set()),
    (WRITTEN, {"worker_id": 1, "attempt_id": [1, 2], "status": ["timed_out"] * 2}, set()),
    (STRAYS, {"worker_id": 1, "known": [1, 2]}, {"attempts_in_progress"}),
    (
        JUDGE,
        {
            "parent_id": ["d-1"],
            "idempotency_key": ["resend:d-1"],
            "expires_at": [None],
            "everyone": [False],
        },
        set(),
    ),
    (
        RESEND,
        {
            "parent_id": ["d-1"],
            "delivery_id": ["d-1-again"],
            "idempotency_key": ["resend:d-1"],
            "fingerprint": [b"f"],
            "message_id": ["<m@x>"],
            "expires_at": [None],
            "everyone": [False],
            "request_id": [None],
            "traceparent": [None],
            "tracestate": [None],
            "idempotency_ttl": timedelta(1),
        },
        set(),
    ),
    (SENT_AGAIN, {"delivery_ids": ["d-1"]}, {"deliveries_parent"}),
]


@pytest.mark.parametrize("plan_of", [custom_plan, generic_plan])
def test_every_query_takes_its_index_and_reads_no_large_table_whole(filled, plan_of):
    for statement, parameters, indexes in CASES:
        check_plan(statement, plan_of(statement, parameters), indexes=indexes)


def test_state_is_written_in_one_place():
    writes = re.compile(
        r"(?:INSERT INTO|UPDATE|DELETE FROM) (?:deliveries|attempts|dead_letters)\b"
    )
    package = Path(deliveries.__file__).parent
    writers = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "migrations" not in path.parts and writes.search(path.read_text())
    }
    assert writers == {"transitions"}
