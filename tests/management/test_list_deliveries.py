"""list_deliveries as an operator types it."""

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import Delivery
from deliveries.payload import Mailbox, Payload
from deliveries.states import Source

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_table_newest_first(manage, accepted):
    accepted("d-1")
    accepted(
        "d-2",
        payload=Payload(
            to=(Mailbox("b@example.org"), Mailbox("c@example.org")),
            bcc=(Mailbox("d@example.org"),),
            subject="S",
            text_body="T",
        ),
    )
    Delivery.objects.filter(delivery_id="d-1").update(
        status="failed",
        next_attempt_at=None,
        finished_at=datetime.now(UTC),
        last_failure_code="permanent_reply",
        attempt_count=2,
    )
    status, out, err = manage("list_deliveries")

    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == [
        *("delivery_id", "created_at", "source", "status", "attempts", "failure", "to"),
    ]
    assert lines[1][0] == "d-2"
    assert lines[1][3:] == ["queued", "0", "-", "b@example.org", "and", "2", "more"]
    assert lines[2][0] == "d-1"
    assert lines[2][3:] == ["failed", "2", "permanent_reply", "a@example.org"]


def test_pages(manage, accepted):
    for number in range(3):
        accepted(f"d-{number}")
    _, out, _ = manage("list_deliveries", "--limit", "2")
    more = out.splitlines()[-1]
    assert more.startswith("more: --cursor ")
    _, out, _ = manage("list_deliveries", "--limit", "2", *more.split()[1:])
    assert [line.split()[0] for line in out.splitlines()] == ["delivery_id", "d-0"]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--status", "queued"], ["d-2", "d-1"]),
        (["--status", "sent"], []),
        (["--source", "authsession"], ["d-2"]),
        (["--recipient", "A@EXAMPLE.ORG"], []),
        (["--recipient", "a@EXAMPLE.ORG"], ["d-2", "d-1"]),
        (["--idempotency-key", "key-d-1"], ["d-1"]),
        (["--since", "1h"], ["d-2"]),
        (["--until", "1h"], ["d-1"]),
        (["--since", "3h", "--until", "1h"], ["d-1"]),
        (["--since", "2200-01-01T00:00:00Z"], []),
        (["--failure-code", "timeout"], []),
        (["--template-id", "none.such"], []),
    ],
)
def test_filters(manage, accepted, arguments, found):
    accepted("d-1")
    accepted("d-2", source=Source.AUTHSESSION)
    Delivery.objects.filter(delivery_id="d-1").update(
        created_at=datetime.now(UTC) - timedelta(hours=2)
    )
    status, out, err = manage("list_deliveries", "--json", *arguments)

    assert (status, err) == (0, "")
    told = json.loads(out)
    assert [item["delivery_id"] for item in told["items"]] == found
    assert told["next_cursor"] is None


def test_nothing(manage, transactional_db):
    assert manage("list_deliveries") == (0, "No deliveries.\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--status", "lost"],
        ["--limit", "0"],
        ["--limit", "many"],
        ["--since", "yesterday"],
        ["--since", "2026-01-01T00:00:00"],
        ["--recipient", "nobody"],
        ["--idempotency-key", "\udcff"],
        ["--nonsense"],
    ],
)
def test_typing_errors(manage, arguments):
    status, out, err = manage("list_deliveries", *arguments)

    assert (status, out) == (2, "")
    assert err.startswith("usage: manage.py list_deliveries")


def test_a_cursor_of_nobody(manage, transactional_db):
    assert manage("list_deliveries", "--cursor", "AAAA") == (
        1,
        "",
        "CommandError: --cursor: no page of this list ended there\n",
    )


def test_no_database(manage, no_database):
    assert manage("list_deliveries")[0] == 69


@pytest.mark.process
def test_a_reader_that_has_seen_enough(accepted, service):
    """`list_deliveries | head`: no traceback when the pipe is closed."""
    accepted()
    reader = "import os; r, w = os.pipe(); os.dup2(w, 1); os.close(w); os.close(r)"
    code = f"{reader}; import sys; sys.argv = ['manage.py', 'list_deliveries']; import manage;"
    process = service.start_program(
        [sys.executable, "-c", f"{code} sys.exit(manage.main())"], name="list_deliveries"
    )
    assert process.wait() == 0, process.output
    assert process.output == ""
