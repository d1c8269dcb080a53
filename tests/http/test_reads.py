"""The operators' questions through HTTP: every route, filter and page."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import psycopg
import pytest

from deliveries.models import Attempt, DeadLetter, MalformedCommand
from deliveries.states import DeliveryStatus, Source

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)

# What the contract lists, no more and no less.
DELIVERY = {
    *("delivery_id", "source", "payload_mode", "status", "template_id", "locale", "locale_used"),
    *("to", "cc", "bcc", "reply_to", "subject", "idempotency_key", "message_id", "attempt_count"),
    *("next_attempt_at", "send_at", "expires_at", "last_failure_code", "last_provider_summary"),
    *("recipients_refused", "parent_delivery_id", "trace_id", "created_at", "rendered_at"),
    *("finished_at", "dead_letter"),
}
ATTEMPT = {
    *("attempt_no", "status", "phase", "outcome_unknown", "smtp_code", "enhanced_code"),
    *("provider_summary", "failure_code", "scheduled_for", "started_at", "finished_at"),
    "recipients",
}
MALFORMED = {
    *("stream_entry_id", "delivery_id", "source", "failure_code", "failure_message"),
    "recorded_at",
}


def query(**parameters):
    return "?" + urlencode(
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in parameters.items()
        }
    )


def ids(answer):
    assert answer.status == 200, answer.body
    return [item["delivery_id"] for item in answer.json["items"]]


def fields_of(answer):
    return {error["field"]: error["code"] for error in answer.json["errors"]}


class TestDeliveries:
    def test_newest_first_page_by_page(self, web, deliver):
        for number in range(5):
            deliver(f"d-{number}")
        seen, cursor = [], None
        while True:
            page = web.get(f"/deliveries{query(limit=2, **({'cursor': cursor} if cursor else {}))}")
            seen += ids(page)
            cursor = page.json["next_cursor"]
            if cursor is None:
                break
        assert seen == [f"d-{n}" for n in range(4, -1, -1)]

    def test_fifty_a_page_unless_it_says_so(self, web, deliver):
        for number in range(51):
            deliver(f"d-{number}")
        assert len(ids(web.get("/deliveries"))) == 50
        assert len(ids(web.get("/deliveries?limit=200"))) == 51

    @pytest.mark.parametrize("status", DeliveryStatus)
    def test_by_status(self, web, deliver, status):
        for one in DeliveryStatus:
            row = deliver(one.value, columns={"status": one.value})
            if one is DeliveryStatus.SENDING:
                Attempt.objects.create(
                    delivery=row, attempt_no=1, lane=2, status="scheduled", scheduled_for=NOW
                )
        window = {"created_after": NOW - HOUR} if status is DeliveryStatus.SENT else {}
        assert ids(web.get(f"/deliveries{query(status=status, **window)}")) == [status]

    def test_by_recipient_as_it_is_kept(self, web, deliver):
        deliver("d-1", to=["eve@example.org"], bcc=["ada@example.org"])
        deliver("d-2", to=["eve@example.org"])
        deliver("d-3", to=["a@xn--bcher-kva.example"])
        assert ids(web.get(f"/deliveries{query(recipient='ada@EXAMPLE.org')}")) == ["d-1"]
        assert ids(web.get(f"/deliveries{query(recipient='a@bücher.example')}")) == ["d-3"]

    def test_by_key_and_anything_else(self, web, deliver):
        deliver("d-1", key="k")
        deliver("d-2", key="other")
        assert ids(web.get(f"/deliveries{query(idempotency_key='k')}")) == ["d-1"]
        more = {"status": "queued", "source": "notification", "created_after": NOW - HOUR}
        assert ids(web.get(f"/deliveries{query(idempotency_key='k', **more)}")) == ["d-1"]
        assert ids(web.get(f"/deliveries{query(idempotency_key='k', status='sent')}")) == []

    @pytest.mark.parametrize(
        ("more", "found"),
        [
            ({"status": "queued"}, ["d-1"]),
            ({"status": "sent"}, []),
            ({"source": "notification"}, ["d-1"]),
            ({"source": "authsession"}, []),
            ({"template_id": "billing.receipt"}, []),
            ({"idempotency_key": "k"}, ["d-1"]),
            ({"idempotency_key": "other"}, []),
            ({"created_after": NOW - 90 * HOUR}, ["d-1"]),
            ({"created_before": NOW - HOUR}, []),
        ],
    )
    def test_by_recipient_and_anything_else(self, web, deliver, more, found):
        deliver("d-1", key="k")
        deliver("d-2", to=["eve@example.org"], key="other")
        assert ids(web.get(f"/deliveries{query(recipient='ada@example.org', **more)}")) == found

    def test_by_source_and_template_within_a_window(self, web, deliver):
        deliver("login", source=Source.AUTHSESSION)
        deliver("receipt", columns={"template_id": "billing.receipt"})
        deliver("old", columns={"created_at": NOW - 30 * HOUR})
        window = {"created_after": NOW - HOUR}
        assert ids(web.get(f"/deliveries{query(source='authsession', **window)}")) == ["login"]
        found = web.get(f"/deliveries{query(template_id='billing.receipt', **window)}")
        assert ids(found) == ["receipt"]

    def test_by_time(self, web, deliver):
        for hours in (5, 3, 1):
            deliver(f"d-{hours}", columns={"created_at": NOW - hours * HOUR})
        assert ids(web.get(f"/deliveries{query(created_after=NOW - 4 * HOUR)}")) == ["d-1", "d-3"]
        window = {"created_after": NOW - 6 * HOUR, "created_before": NOW - 3 * HOUR}
        assert ids(web.get(f"/deliveries{query(**window)}")) == ["d-5"]

    @pytest.mark.parametrize(
        "asked",
        [
            {"status": "sent"},
            {"source": "notification"},
            {"template_id": "billing.receipt"},
            {"status": "failed", "source": "notification"},
            {"created_before": NOW},
            {"created_after": NOW - 25 * HOUR},
            {"created_after": NOW - 50 * HOUR, "created_before": NOW - 25 * HOUR},
        ],
    )
    def test_what_may_take_long_needs_a_window(self, web, asked):
        answer = web.get(f"/deliveries{query(**asked)}")
        assert (answer.status, answer.code) == (422, "window_required")

    @pytest.mark.parametrize(
        ("parameters", "field", "code"),
        [
            ("limit=0", "limit", "invalid_limit"),
            ("limit=201", "limit", "invalid_limit"),
            ("limit=-1", "limit", "invalid_limit"),
            ("limit=2.0", "limit", "invalid_limit"),
            ("limit=", "limit", "invalid_limit"),
            ("limit=%D9%A3", "limit", "invalid_limit"),
            ("status=open", "status", "invalid_choice"),
            ("source=", "source", "invalid_choice"),
            ("recipient=nobody", "recipient", "invalid_recipient"),
            ("recipient=%0d%0a", "recipient", "invalid_recipient"),
            ("template_id=", "template_id", "invalid_template_id"),
            ("template_id=%00", "template_id", "invalid_template_id"),
            ("idempotency_key=%20", "idempotency_key", "invalid_idempotency_key"),
            ("created_after=yesterday", "created_after", "invalid_schedule"),
            ("created_before=2026-01-01", "created_before", "invalid_schedule"),
            ("cursor=", "cursor", "invalid_cursor"),
            ("cursor=%F0%9F%92%A5", "cursor", "invalid_cursor"),
            ("cursor=AAAA", "cursor", "invalid_cursor"),
            ("offset=5", "offset", "unknown_field"),
            ("%3Cscript%3E=5", "", "unknown_field"),
            ("limit=5&limit=5", "limit", "repeated_field"),
            ("status=%FF", "", "invalid_query"),
            ("&".join(f"p{n}=1" for n in range(60)), "", "invalid_query"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, web, parameters, field, code):
        answer = web.get(f"/deliveries?{parameters}")
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert fields_of(answer) == {field: code}

    def test_a_cursor_of_another_list_is_refused(self, web, deliver):
        deliver("d-1")
        deliver("d-2")
        cursor = web.get("/deliveries?limit=1").json["next_cursor"]
        assert fields_of(web.get(f"/dead-letters?cursor={cursor}")) == {"cursor": "invalid_cursor"}


class TestOneDelivery:
    def test_shows_all_of_its_record_and_no_content(self, web, deliver):
        row = deliver(
            "d-1",
            cc=["b@example.org"],
            bcc=["c@example.org"],
            reply_to=["desk@example.org"],
            columns={"status": "dead_letter", "last_failure_code": "timeout", "attempt_count": 4},
        )
        DeadLetter.objects.create(
            delivery=row, failure_code="timeout", reason="no answer", attempt_count=4
        )
        answer = web.get("/deliveries/d-1")
        assert answer.status == 200
        found = answer.json
        assert found.keys() == DELIVERY
        assert found["to"] == ["ada@example.org"]
        assert (found["cc"], found["bcc"]) == (["b@example.org"], ["c@example.org"])
        assert found["reply_to"] == ["desk@example.org"]
        assert (found["subject"], found["status"]) == ("Hello", "dead_letter")
        assert found["dead_letter"].keys() == {"recorded_at", "reason"}
        assert found["dead_letter"]["reason"] == "no answer"
        assert found["created_at"].endswith("Z")
        assert b"Text" not in answer.body
        assert ids(web.get("/deliveries?status=dead_letter")) == ["d-1"]
        assert web.get("/deliveries?status=dead_letter").json["items"] == [found]

    @pytest.mark.parametrize("name", ["does-not-exist", "a%20b", "%F0%9F%92%A5", "a" * 200, "%00"])
    @pytest.mark.parametrize("rest", ["", "/attempts"])
    def test_unknown(self, web, name, rest):
        answer = web.get(f"/deliveries/{name}{rest}")
        assert (answer.status, answer.code) == (404, "delivery_not_found")

    def test_takes_no_parameters(self, web, deliver):
        deliver("d-1")
        assert fields_of(web.get("/deliveries/d-1?full=1")) == {"full": "unknown_field"}
        assert fields_of(web.get("/deliveries/d-1/attempts?limit=1")) == {"limit": "unknown_field"}

    def test_attempts(self, web, deliver):
        row = deliver("d-1")
        assert web.get("/deliveries/d-1/attempts").json == {"items": []}
        Attempt.objects.create(
            delivery=row,
            attempt_no=1,
            lane=2,
            status="provider_rejected",
            worker_id=1,
            scheduled_for=NOW,
            started_at=NOW,
            finished_at=NOW,
            phase="rcpt",
            failure_code="permanent_reply",
            smtp_code=550,
            enhanced_code="5.1.1",
            provider_summary="550 5.1.1 no such user",
            recipients=[{"address": "ada@example.org", "outcome": "refused", "smtp_code": 550}],
        )
        (attempt,) = web.get("/deliveries/d-1/attempts").json["items"]
        assert (attempt["attempt_no"], attempt["phase"], attempt["smtp_code"]) == (1, "rcpt", 550)
        assert attempt["recipients"] == [
            {"address": "ada@example.org", "outcome": "refused", "smtp_code": 550}
        ]
        assert attempt.keys() == ATTEMPT


class TestOtherLists:
    def test_dead_letters(self, web, deliver):
        for number in range(3):
            row = deliver(f"d-{number}", columns={"status": "dead_letter"})
            DeadLetter.objects.create(
                delivery=row,
                failure_code="timeout",
                reason="t",
                attempt_count=4,
                recorded_at=NOW - number * HOUR,
            )
        first = web.get("/dead-letters?limit=2")
        assert ids(first) == ["d-0", "d-1"]
        assert first.json["items"][0].keys() == {
            "delivery_id",
            "source",
            "failure_code",
            "attempt_count",
            "recorded_at",
        }
        rest = web.get(f"/dead-letters?limit=2&cursor={first.json['next_cursor']}")
        assert (ids(rest), rest.json["next_cursor"]) == (["d-2"], None)

    def test_malformed_commands_without_what_they_held(self, web):
        for number in range(3):
            MalformedCommand.objects.create(
                stream="s",
                stream_entry_id=f"{number}-0",
                delivery_id="d\\u0000",
                failure_code="missing_field",
                failure_message="source: is missing",
                raw_fields=[b"payload_json", b"the secret"],
            )
        first = web.get("/malformed-commands?limit=2")
        entries = [item["stream_entry_id"] for item in first.json["items"]]
        assert entries == ["2-0", "1-0"]
        assert first.json["items"][0].keys() == MALFORMED
        assert b"secret" not in first.body
        rest = web.get(f"/malformed-commands?cursor={first.json['next_cursor']}")
        assert [item["stream_entry_id"] for item in rest.json["items"]] == ["0-0"]

    @pytest.mark.parametrize("path", ["/dead-letters", "/malformed-commands"])
    def test_they_take_no_filters(self, web, path):
        assert fields_of(web.get(f"{path}?status=sent")) == {"status": "unknown_field"}


def test_a_read_that_takes_too_long_is_ended(web, deliver, postgres_admin):
    deliver("d-1")
    with psycopg.connect(postgres_admin) as holder:
        holder.execute("LOCK TABLE mail.deliveries IN ACCESS EXCLUSIVE MODE")
        answer = web.get("/deliveries")
    assert (answer.status, answer.code) == (503, "read_too_long")
    assert int(answer.headers["Retry-After"]) > 0
    assert web.get("/deliveries").status == 200
