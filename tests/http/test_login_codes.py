"""Login codes through the door: accepted once, refused with reasons, and shown nowhere."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import Delivery, DeliveryPayload, IdempotencyReservation
from mailproject.embedded.ports import LOOPBACK
from tests.http.conftest import SUBMIT
from tests.http.passage import Passage
from tests.relay import ScriptedRelay
from tests.stack.waiting import wait_until

CODE = "492817"


def fields_of(answer):
    return {error["field"]: error["code"] for error in answer.json["errors"]}


class TestAcceptance:
    def test_stores_the_mail_before_it_answers(self, web):
        answer = web.post_login_code(code=CODE, locale="de-AT")
        assert answer.status == 202
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json["outcome"] == "accepted"
        delivery = Delivery.objects.get(delivery_id=answer.json["delivery_id"])
        assert (delivery.source, delivery.status) == ("authsession", "rendered")
        assert (delivery.template_id, delivery.locale, delivery.locale_used) == (
            "auth.login_code",
            "de-AT",
            "de",
        )
        payload = DeliveryPayload.objects.get(delivery=delivery)
        assert CODE in payload.text_body
        assert payload.variables["code"] == CODE

    def test_expires_after_the_configured_time(self, web):
        web.post_login_code()
        delivery = Delivery.objects.get()
        assert abs(delivery.expires_at - delivery.created_at - timedelta(minutes=10)) < timedelta(
            minutes=1
        )

    def test_expires_when_it_says_and_the_mail_says_so_too(self, web):
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=3)
        web.post_login_code(expires_at=expires_at.isoformat())
        assert Delivery.objects.get().expires_at == expires_at
        assert f"{expires_at:%H:%M}" in DeliveryPayload.objects.get().text_body

    def test_what_comes_too_late_is_accepted_all_the_same(self, web):
        answer = web.post_login_code(expires_at="2020-01-01T00:00:00Z")
        assert answer.status == 202

    def test_keeps_the_callers_trace(self, web):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        body = {"email": "ada@example.org", "code": CODE, "locale": "en"}
        headers = {"traceparent": trace, "tracestate": "a=b", "X-Request-Id": "r-7"}
        answer = web.post("/login-code-deliveries", body, headers=headers, token=SUBMIT)
        delivery = Delivery.objects.get()
        assert (delivery.traceparent, delivery.tracestate) == (trace, "a=b")
        assert delivery.request_id == "r-7"
        shown = web.get(f"/deliveries/{answer.json['delivery_id']}")
        assert shown.json["trace_id"] == "0af7651916cd43dd8448eb211c80319c"

    def test_a_broken_trace_refuses_no_mail(self, web):
        body = {"email": "ada@example.org", "code": CODE, "locale": "en"}
        headers = {"traceparent": "nonsense", "tracestate": "a=b", "X-Request-Id": "\xff"}
        assert web.post("/login-code-deliveries", body, headers=headers).status == 202
        delivery = Delivery.objects.get()
        assert (delivery.traceparent, delivery.tracestate, delivery.request_id) == (None,) * 3

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("Ada@EXAMPLE.org", "Ada@example.org"),
            ("a@bücher.example", "a@xn--bcher-kva.example"),
            ("år@example.org", "år@example.org"),
        ],
    )
    def test_keeps_the_address_as_mail_needs_it(self, web, given, kept):
        assert web.post_login_code(email=given).status == 202
        assert DeliveryPayload.objects.get().mailboxes["to"] == [{"email": kept, "name": ""}]


class TestRepetition:
    def test_the_same_again_is_answered_alike_and_stores_nothing(self, web):
        first, second = web.post_login_code(), web.post_login_code()
        assert (first.status, first.body) == (second.status, second.body)
        assert Delivery.objects.count() == 1

    def test_members_in_another_order_are_the_same(self, web):
        first = web.post_login_code()
        body = json.dumps({"locale": "en", "code": CODE, "email": "ada@example.org"}, indent=2)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        second = web.post("/login-code-deliveries", body.encode(), headers=headers)
        assert second.body == first.body

    @pytest.mark.parametrize(
        "change",
        [
            {"code": "1"},
            {"email": "b@example.org"},
            {"locale": "de"},
            {"expires_at": "2030-01-01T00:00:00Z"},
        ],
    )
    def test_another_body_under_the_key_is_a_conflict(self, web, change):
        web.post_login_code()
        answer = web.post_login_code(**change)
        assert (answer.status, answer.code) == (409, "idempotency_conflict")
        assert Delivery.objects.count() == 1

    def test_another_key_is_another_delivery(self, web):
        ids = {web.post_login_code(key=f"k-{n}").json["delivery_id"] for n in range(3)}
        assert len(ids) == Delivery.objects.count() == 3

    def test_a_key_that_has_run_out_is_free_again(self, web):
        first = web.post_login_code()
        IdempotencyReservation.objects.update(expires_at=datetime.now(UTC) - timedelta(1))
        second = web.post_login_code(code="1")
        assert second.status == 202
        assert second.json["delivery_id"] != first.json["delivery_id"]

    def test_of_twenty_at_once_with_one_key_one_is_stored(self, web):
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: web.post_login_code(), range(20)))
        assert {answer.status for answer in answers} == {202}
        assert len({answer.body for answer in answers}) == 1
        assert Delivery.objects.count() == DeliveryPayload.objects.count() == 1

    def test_of_twenty_at_once_with_other_bodies_one_wins_and_the_rest_conflict(self, web):
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda n: web.post_login_code(code=f"c-{n}"), range(20)))
        assert sorted(answer.status for answer in answers) == [202, *[409] * 19]
        assert Delivery.objects.count() == 1

    def test_stays_the_same_after_the_end(self, web):
        first = web.post_login_code()
        Delivery.objects.update(
            status="suppressed",
            attempt_count=1,
            next_attempt_at=None,
            finished_at=datetime.now(UTC),
        )
        assert web.post_login_code().body == first.body


class TestRefusal:
    @pytest.mark.parametrize(
        ("change", "field", "code"),
        [
            ({"email": None}, "email", "missing_field"),
            ({"email": "nobody"}, "email", "invalid_recipient"),
            ({"email": 7}, "email", "invalid_recipient"),
            ({"email": "a@b.example\r\nBcc: c@d.example"}, "email", "invalid_recipient"),
            ({"email": ["a@example.org"]}, "email", "invalid_recipient"),
            ({"code": None}, "code", "missing_field"),
            ({"code": ""}, "code", "invalid_code"),
            ({"code": "  "}, "code", "invalid_code"),
            ({"code": "1" * 65}, "code", "invalid_code"),
            ({"code": "1\n2"}, "code", "invalid_code"),
            ({"code": "1\u20282"}, "code", "invalid_code"),
            ({"code": 492817}, "code", "invalid_code"),
            ({"locale": None}, "locale", "missing_field"),
            ({"locale": "not a locale"}, "locale", "invalid_locale"),
            ({"locale": ""}, "locale", "invalid_locale"),
            ({"expires_at": "tomorrow"}, "expires_at", "invalid_schedule"),
            ({"expires_at": 1893456000}, "expires_at", "invalid_schedule"),
            ({"expires_at": "2026-13-01T00:00:00Z"}, "expires_at", "invalid_schedule"),
            ({"expires_at": "2026-01-01T00:00:00"}, "expires_at", "invalid_schedule"),
            ({"subject": "Hi"}, "subject", "unknown_field"),
            ({"<b>": "Hi"}, "", "unknown_field"),
        ],
    )
    def test_names_the_field(self, web, change, field, code):
        answer = web.post_login_code(**change)
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert fields_of(answer) == {field: code}
        assert not Delivery.objects.exists()

    def test_names_all_fields_at_once(self, web):
        answer = web.post_login_code(email="x", code="", locale="?", expires_at="?", more=1)
        assert fields_of(answer).keys() == {"email", "code", "locale", "expires_at", "more"}

    def test_a_null_is_no_absent_member(self, web):
        body = b'{"email": "a@example.org", "code": "1", "locale": "en", "expires_at": null}'
        headers = {"Content-Type": "application/json"}
        answer = web.post("/login-code-deliveries", body, headers=headers)
        assert fields_of(answer) == {"expires_at": "invalid_schedule"}

    @pytest.mark.parametrize("key", [None, "", "with space", "ü", "k" * 256, "tab\tin it"])
    def test_the_key_is_needed(self, web, key):
        answer = web.post_login_code(key=key)
        assert (answer.status, answer.code) == (400, "invalid_idempotency_key")
        assert not Delivery.objects.exists()

    def test_what_is_wrong_is_never_repeated_to_the_caller(self, web):
        answer = web.post_login_code(
            email="secret-name", code="secret\ncode", locale="secret locale"
        )
        assert b"secret" not in answer.body


class TestStub:
    def test_suppresses_at_once_and_keeps_no_content(self, own_web):
        web = own_web(MAIL_SMTP_MODE="stub")
        first, second = web.post_login_code(), web.post_login_code()
        assert first.status == second.status == 202
        assert first.json["outcome"] == "suppressed"
        assert second.body == first.body
        delivery = Delivery.objects.get()
        assert (delivery.status, delivery.attempt_count) == ("suppressed", 0)
        assert delivery.finished_at is not None
        payload = DeliveryPayload.objects.get()
        assert (payload.subject, payload.text_body, payload.html_body, payload.variables) == (
            None,
        ) * 4
        assert payload.mailboxes["to"][0]["email"] == "ada@example.org"


class TestSecrecy:
    def test_no_answer_and_no_log_line_holds_the_code_or_the_subject(self, web):
        answer = web.post_login_code(code="Qx7-LOGIN")
        delivery_id = answer.json["delivery_id"]
        conflict = web.post_login_code(code="Qx7-OTHER")
        shown = [
            answer,
            conflict,
            web.get(f"/deliveries/{delivery_id}"),
            web.get(f"/deliveries/{delivery_id}/attempts"),
            web.get("/deliveries"),
            web.get("/deliveries?recipient=ada@example.org"),
            web.post(f"/deliveries/{delivery_id}/resend"),
        ]
        assert web.get(f"/deliveries/{delivery_id}").json["subject"] is None
        subject = DeliveryPayload.objects.get().subject
        for each in shown:
            assert b"Qx7" not in each.body
            assert subject.encode() not in each.body
        log = web.process.output
        assert "Qx7" not in log
        assert "ada@example.org" not in log
        assert subject not in log

    def test_a_login_code_cannot_be_sent_again(self, web):
        delivery_id = web.post_login_code().json["delivery_id"]
        resend = f"/deliveries/{delivery_id}/resend"
        assert web.post(resend).code == "delivery_not_terminal"
        over = {"status": "failed", "next_attempt_at": None, "finished_at": datetime.now(UTC)}
        Delivery.objects.update(**over)
        assert web.post(resend).code == "payload_pruned"


@pytest.mark.process
class TestTheWholeWay:
    def test_is_sent_at_once_and_erased_at_its_end(self, own_web, service):
        web = own_web()
        with ScriptedRelay() as relay:
            to_relay = {"MAIL_SMTP_ADDR": f"{LOOPBACK}:{relay.port}", "MAIL_SMTP_TLS": "none"}
            service.start("run_scheduler").wait_until_started()
            service.start("run_attempts", overrides=to_relay).wait_until_started()
            delivery_id = web.post_login_code(code=CODE).json["delivery_id"]
            wait_until(lambda: web.get(f"/deliveries/{delivery_id}").json["status"] == "sent")
            (message,) = relay.messages
        assert CODE.encode() in message.content
        payload = DeliveryPayload.objects.get()
        erased = (payload.subject, payload.text_body, payload.html_body, payload.variables)
        assert erased == (None,) * 4
        (attempt,) = web.get(f"/deliveries/{delivery_id}/attempts").json["items"]
        assert (attempt["status"], attempt["phase"]) == ("provider_accepted", "final")

    def test_is_erased_too_when_nobody_sent_it_in_time(self, own_web, service):
        web = own_web()
        delivery_id = web.post_login_code(expires_at="2020-01-01T00:00:00Z").json["delivery_id"]
        service.start("run_scheduler").wait_until_started()
        wait_until(lambda: web.get(f"/deliveries/{delivery_id}").json["status"] == "failed")
        assert web.get(f"/deliveries/{delivery_id}").json["last_failure_code"] == "expired"
        assert DeliveryPayload.objects.get().text_body is None


@pytest.mark.process
@pytest.mark.parametrize("away", ["closed", "frozen"])
def test_redis_is_not_needed_once_the_process_runs(own_web, servers, away):
    host, _, port = servers.redis_address.rpartition(":")
    with Passage(host, int(port)) as passage:
        web = own_web(MAIL_REDIS_MASTER_ADDR=f"{LOOPBACK}:{passage.port}")
        passage.close() if away == "closed" else passage.freeze()
        assert web.post_login_code().status == 202
        assert web.get("/deliveries").status == 200
        assert web.process.stop() == 0
