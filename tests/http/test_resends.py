"""Sending again through HTTP. What is copied and who is addressed: tests/transitions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import Delivery, DeliveryPayload
from deliveries.states import Source

REFUSAL = {"address": "b@example.org", "smtp_code": 550, "summary": "no", "suppressed": False}


@pytest.fixture
def ended(deliver):
    def make(delivery_id="d-1", status="dead_letter", **how):
        columns = {"status": status, **how.pop("columns", {})}
        return deliver(delivery_id, columns=columns, **how)

    return make


def resend(web, body=None, delivery_id="d-1", **how):
    return web.post(f"/deliveries/{delivery_id}/resend", body, **how)


def new():
    return Delivery.objects.get(source="operator_resend")


def test_makes_a_new_delivery(web, ended):
    ended()
    answer = resend(web)
    assert answer.status == 201
    assert answer.json == {"delivery_id": new().delivery_id}
    shown = web.get(f"/deliveries/{new().delivery_id}").json
    assert (shown["source"], shown["status"]) == ("operator_resend", "queued")
    assert (shown["parent_delivery_id"], shown["subject"]) == ("d-1", "Hello")


@pytest.mark.parametrize("status", ["sent", "failed", "suppressed", "dead_letter"])
def test_of_whatever_has_ended(web, ended, status):
    ended(status=status)
    assert resend(web, {"recipients": "all"}).status == 201


def test_addresses_the_refused_or_all(web, ended):
    ended(status="sent", to=["a@example.org", "b@example.org"],
          columns={"recipients_refused": [REFUSAL]})  # fmt: skip
    assert resend(web).status == 201
    assert new().recipients_left == ["b@example.org"]
    new_all = resend(web, {"recipients": "all"}, key="k-2").json["delivery_id"]
    assert Delivery.objects.get(delivery_id=new_all).recipients_left is None
    assert resend(web, {"recipients": "refused"}, key="k-3").status == 201


def test_the_same_again_is_the_same_delivery(web, ended):
    ended()
    first, second = resend(web), resend(web, {})
    assert (first.status, first.body) == (second.status, second.body)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: resend(web, key="k-2"), range(20)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert Delivery.objects.filter(source="operator_resend").count() == 2


def test_a_key_of_a_login_code_is_another_source_s(web, ended):
    ended()
    web.post_login_code(key="k-1")
    assert resend(web, key="k-1").status == 201


def test_another_request_under_the_key_is_a_conflict(web, ended):
    ended()
    ended("d-2")
    resend(web)
    for answer in (resend(web, {"recipients": "all"}), resend(web, delivery_id="d-2")):
        assert (answer.status, answer.code) == (409, "idempotency_conflict")


class TestConflicts:
    def test_what_has_not_ended(self, web, deliver):
        deliver("d-1")
        answer = resend(web)
        assert (answer.status, answer.code) == (409, "delivery_not_terminal")

    def test_what_is_pruned(self, web, ended):
        DeliveryPayload.objects.filter(delivery=ended()).delete()
        answer = resend(web)
        assert (answer.status, answer.code) == (409, "payload_pruned")

    def test_a_login_code(self, web, ended):
        ended(source=Source.AUTHSESSION, status="failed")
        answer = resend(web)
        assert (answer.status, answer.code) == (409, "payload_pruned")

    def test_a_login_code_under_way(self, web, deliver):
        deliver("d-1", source=Source.AUTHSESSION)
        answer = resend(web)
        assert (answer.status, answer.code) == (409, "delivery_not_terminal")

    def test_what_is_past_its_expiry(self, web, ended):
        past = datetime.now(UTC) - timedelta(hours=1)
        ended(columns={"expires_at": past})
        answer = resend(web)
        assert (answer.status, answer.code) == (409, "delivery_expired")
        assert resend(web, {"expires_at": past.isoformat()}).code == "delivery_expired"
        until = datetime.now(UTC) + timedelta(hours=1)
        assert resend(web, {"expires_at": until.isoformat()}).status == 201
        assert new().expires_at == until

    def test_what_everyone_got(self, web, ended):
        ended(status="sent")
        answer = resend(web)
        assert (answer.status, answer.code) == (409, "nothing_to_resend")


class TestRefusals:
    @pytest.mark.parametrize("name", ["nobody", "%00", "a%2Fb", "x" * 500])
    def test_an_unknown_delivery(self, web, name):
        answer = resend(web, delivery_id=name)
        assert answer.status == 404

    @pytest.mark.parametrize("key", [None, "", "a b"])
    def test_without_a_key(self, web, ended, key):
        ended()
        assert resend(web, key=key).code == "invalid_idempotency_key"
        assert Delivery.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "field", "code"),
        [
            ({"recipients": "some"}, "recipients", "invalid_choice"),
            ({"recipients": ["all"]}, "recipients", "invalid_choice"),
            ({"recipients": None}, "recipients", "invalid_choice"),
            ({"expires_at": "soon"}, "expires_at", "invalid_schedule"),
            ({"to": ["a@example.org"]}, "to", "unknown_field"),
        ],
    )
    def test_a_wrong_body(self, web, ended, body, field, code):
        ended()
        answer = resend(web, body)
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert [(e["field"], e["code"]) for e in answer.json["errors"]] == [(field, code)]

    def test_a_token_for_login_codes_only(self, web, ended):
        ended()
        answer = resend(web, token="submit-token-0123456789")
        assert (answer.status, answer.code) == (403, "insufficient_scope")
