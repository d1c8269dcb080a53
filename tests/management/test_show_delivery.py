"""show_delivery as an operator runs it."""

import json
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import connection

from deliveries.listing import statements
from deliveries.listing.pages import find_delivery, list_attempts
from deliveries.models import Attempt, DeadLetter, Delivery
from deliveries.payload import Mailbox, Payload
from deliveries.printing import rfc3339
from deliveries.states import Source
from tests.factories import NewDeliveryFactory, accept

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "492817"


@pytest.fixture
def run(manage):
    return partial(manage, "show_delivery")


@pytest.fixture
def stored():
    def store(**changes):
        values = {
            "requested_at": datetime(2026, 3, 2, 8, tzinfo=UTC),
            "payload": Payload(
                to=(Mailbox("a@example.org", "Ada"), Mailbox("b@example.org")),
                subject=f"Subject {SECRET}",
                text_body=f"Text {SECRET}",
                html_body=f"<p>{SECRET}</p>",
                variables={"code": SECRET},
            ),
        }
        accept(NewDeliveryFactory(**{**values, **changes}))
        return Delivery.objects.get()

    return store


@pytest.fixture
def dead(stored):
    """A delivery of one failed attempt, dead-lettered."""
    row, now = stored(), datetime.now(UTC)
    Delivery.objects.update(
        status="dead_letter", next_attempt_at=None, finished_at=now, attempt_count=1
    )
    Attempt.objects.create(
        delivery=row,
        attempt_no=1,
        lane=2,
        status="transport_failed",
        worker_id=7,
        scheduled_for=now,
        started_at=now,
        finished_at=now,
        phase="connect",
        failure_code="connect_failed",
        provider_summary="refused\x1b[2J\nforged",
    )
    DeadLetter.objects.create(
        delivery=row, failure_code="connect_failed", reason="the ladder is used up", attempt_count=1
    )


def test_a_new_delivery(run, stored):
    stored()
    status, out, err = run("d-1")

    assert (status, err) == (0, "")
    shown = dict(line.split(maxsplit=1) for line in out.splitlines()[:-2])
    assert shown["delivery_id"] == "d-1"
    assert shown["status"] == "queued"
    assert shown["to"] == "a@example.org, b@example.org"
    assert shown["subject"] == f"Subject {SECRET}"
    assert shown["requested_at"] == "2026-03-02T08:00:00.000000Z"
    assert "finished_at" not in shown
    assert out.splitlines()[-1] == "No attempts yet"


def test_attempts_and_dead_letter(run, dead):
    status, out, _ = run("d-1")

    assert status == 0
    blocks = [block.splitlines() for block in out.split("\n\n")]
    assert [block[0] for block in blocks[1:]] == ["Attempt 1", "Dead letter"]
    attempt = dict(line.split(maxsplit=1) for line in blocks[1][1:])
    assert (attempt["phase"], attempt["failure_code"]) == ("connect", "connect_failed")
    assert any("the ladder is used up" in line for line in blocks[2])


def test_a_relay_cannot_drive_the_terminal(run, dead):
    _, out, _ = run("d-1")

    assert "\x1b" not in out
    assert "refused\\x1b[2J\\nforged" in out


def test_json(run, dead):
    status, out, _ = run("d-1", "--json")

    assert status == 0
    told = json.loads(out)
    assert (told["delivery_id"], told["status"]) == ("d-1", "dead_letter")
    assert told["to"] == ["a@example.org", "b@example.org"]
    assert told["bcc"] == []
    assert told["next_attempt_at"] is None
    [attempt] = told["attempts"]
    assert (attempt["attempt_no"], attempt["worker_id"]) == (1, 7)
    assert told["dead_letter"]["reason"] == "the ladder is used up"
    datetime.fromisoformat(told["dead_letter"]["recorded_at"])


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_nothing_of_a_login_code_is_shown(run, stored, form):
    stored(source=Source.AUTHSESSION)
    status, out, _ = run("d-1", *form)

    assert status == 0
    assert SECRET not in out
    assert not form or json.loads(out)["subject"] is None


def test_json_has_what_the_api_shows_and_more(run, dead):
    Delivery.objects.update(
        parent_delivery_id="d-0", traceparent=f"00-{'a1' * 16}-{'b2' * 8}-01", request_id="r-1"
    )
    Attempt.objects.update(recipients=[{"address": "a@example.org", "outcome": "deferred"}])
    _, out, _ = run("d-1", "--json")
    told = json.loads(out)

    def plain(record):
        return json.loads(json.dumps(record, default=rfc3339))

    shown = plain(find_delivery("d-1"))
    assert (told["parent_delivery_id"], told["trace_id"]) == ("d-0", "a1" * 16)
    entry, attempts = told.pop("dead_letter"), told.pop("attempts")
    assert shown.pop("dead_letter").items() <= entry.items()
    assert entry.keys() == {"recorded_at", "reason", "failure_code", "attempt_count"}
    assert {name: told[name] for name in shown} == shown
    assert told.keys() - shown.keys() == {
        "attachment_count",
        "recipients_accepted",
        "recipients_left",
        "request_id",
        "requested_at",
        "traceparent",
    }
    [attempt] = attempts
    [listed] = plain(list_attempts("d-1"))
    assert attempt == {**listed, "worker_id": 7}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_content_is_neither_shown_nor_read(run, stored, form):
    stored()
    _, out, _ = run("d-1", *form)

    assert f"Text {SECRET}" not in out
    assert "<p>" not in out
    for statement in (statements.ONE, statements.ATTEMPTS):
        assert "text_body" not in statement.sql
        assert "variables" not in statement.sql


@pytest.mark.parametrize(
    ("delivery_id", "said"), [("no-such", "no-such"), ("a\nb", "a\\nb"), ("\udcff", "\\udcff")]
)
def test_unknown(run, delivery_id, said):
    status, out, err = run(delivery_id)

    assert (status, out) == (1, "")
    assert err == f"CommandError: there is no delivery {said}\n"


def test_no_database(run, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    status, out, err = run("d-1")
    connection.close()

    assert (status, out) == (69, "")
    assert err == (
        "CommandError: PostgreSQL does not answer (OperationalError: connection refused):"
        " see MAIL_POSTGRES_PRIMARY_DSN\n"
    )
