"""Sending again what has ended: what is copied, who is addressed, and what is refused."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from deliveries.database import atomic
from deliveries.models import Attachment, Delivery, DeliveryPayload, IdempotencyReservation
from deliveries.payload import Attachment as File
from deliveries.payload import Mailbox, Payload
from deliveries.states import (
    AttemptStatus,
    DeliveryStatus,
    FailureCode,
    PayloadMode,
    Phase,
    Source,
)
from deliveries.transitions.completion import complete
from deliveries.transitions.records import AttemptRecord, Completion
from deliveries.transitions.resend import Resend, ResendOutcome, Resent, resend, sent_again
from tests.transitions.deliveries import HOUR, later

pytestmark = pytest.mark.django_db(transaction=True)

THREE = Payload(
    to=(Mailbox("a@example.org", "Ada"),),
    cc=(Mailbox("b@example.org"),),
    bcc=(Mailbox("c@example.org"),),
    reply_to=(Mailbox("desk@example.org"),),
    subject="Hello",
    text_body="Text",
    html_body="<p>Text</p>",
    headers=(("X-One", "1"),),
    attachments=(File("a.pdf", "application/pdf", b"\x00\xff"), File("b.txt", "text/plain", b"b")),
)


def refusal(address):
    return {"address": address, "smtp_code": 550, "summary": "no", "suppressed": False}


@pytest.fixture
def ended(new, accept, begin):
    """Accepts a delivery and ends it."""

    def end(delivery_id="d-1", *, status=DeliveryStatus.DEAD_LETTER, left=None, refused=(), **made):
        accept(new(delivery_id, **{"payload": THREE, **made}))
        (row,) = begin()
        accepted = status is DeliveryStatus.SENT
        attempt = AttemptRecord(
            AttemptStatus.PROVIDER_ACCEPTED if accepted else AttemptStatus.TRANSPORT_FAILED,
            Phase.FINAL if accepted else Phase.CONNECT,
            None if accepted else FailureCode.CONNECT_FAILED,
        )
        fate = Completion(
            attempt,
            status,
            attempt.failure_code,
            recipients_accepted=int(accepted),
            recipients_left=left,
            recipients_refused=tuple(map(refusal, refused)),
        )
        complete([(row.attempt_id, worker_of(row), fate)])
        return Delivery.objects.get(delivery_id=delivery_id)

    return end


def worker_of(row):
    with connection.cursor() as cursor:
        cursor.execute("SELECT worker_id FROM attempts WHERE id = %s", [row.attempt_id])
        return cursor.fetchone()[0]


def request(parent="d-1", **changes):
    values = {
        "parent_id": parent,
        "delivery_id": f"again-{parent}",
        "idempotency_key": f"resend:{parent}",
        "fingerprint": b"r" * 32,
        "message_id": "<again@example.com>",
    }
    return Resend(**{**values, **changes})


def ask(*requests, ttl=timedelta(days=7)):
    with atomic():
        return resend(requests=requests, idempotency_ttl=ttl)


def accepted(delivery_id):
    return Resent(ResendOutcome.ACCEPTED, delivery_id, PayloadMode.RENDERED)


def outcomes(answers):
    return [answer.outcome for answer in answers]


class TestWhatIsCopied:
    def test_the_stored_content_as_a_new_delivery(self, ended):
        parent = ended()
        assert ask(request()) == [accepted("again-d-1")]
        new = Delivery.objects.get(delivery_id="again-d-1")
        assert (new.source, new.status, new.payload_mode) == (
            "operator_resend",
            "queued",
            "rendered",
        )
        assert new.parent_delivery_id == "d-1"
        assert new.message_id == "<again@example.com>" != parent.message_id
        assert (new.attempt_count, new.finished_at, new.last_failure_code) == (0, None, None)
        assert new.next_attempt_at == new.created_at == new.requested_at
        old_content, new_content = (
            DeliveryPayload.objects.filter(delivery=row).values(
                "mailboxes", "headers", "subject", "text_body", "html_body", "attachment_count"
            )[0]
            for row in (parent, new)
        )
        assert new_content == old_content
        files = Attachment.objects.filter(delivery=new).order_by("position")
        assert [(f.filename, bytes(f.content)) for f in files] == [
            ("a.pdf", b"\x00\xff"),
            ("b.txt", b"b"),
        ]

    def test_a_template_waits_as_rendered_with_what_it_was_rendered_from(self, ended):
        ended(
            payload_mode=PayloadMode.TEMPLATE,
            status=DeliveryStatus.DEAD_LETTER,
            template_id="billing.receipt",
            locale="de-AT",
            locale_used="de",
            catalog_digest="digest",
        )
        ask(request())
        new = Delivery.objects.get(delivery_id="again-d-1")
        parent = Delivery.objects.get(delivery_id="d-1")
        assert new.status == "rendered"
        assert (new.template_id, new.locale, new.locale_used, new.catalog_digest) == (
            "billing.receipt",
            "de-AT",
            "de",
            "digest",
        )
        assert new.rendered_at == parent.rendered_at

    def test_it_can_be_handed_out_and_sent(self, ended, begin):
        ended()
        ask(request())
        (row,) = begin()
        assert (row.delivery_id, row.lane, row.subject) == ("again-d-1", 1, "Hello")

    def test_the_key_is_reserved(self, ended):
        ended()
        ask(request(), ttl=2 * HOUR)
        reservation = IdempotencyReservation.objects.get(source=Source.OPERATOR_RESEND)
        assert reservation.delivery.delivery_id == "again-d-1"
        assert reservation.expires_at - reservation.delivery.created_at == 2 * HOUR


class TestWhoIsAddressed:
    def left_of(self, delivery_id="again-d-1"):
        return Delivery.objects.get(delivery_id=delivery_id).recipients_left

    def test_everyone_when_nobody_was_reached(self, ended):
        ended()
        ask(request())
        assert self.left_of() is None

    def test_of_a_sent_one_those_refused(self, ended):
        ended(status=DeliveryStatus.SENT, refused=["b@example.org"])
        ask(request())
        assert self.left_of() == ["b@example.org"]

    def test_of_a_sent_one_those_given_up_too(self, ended):
        ended(status=DeliveryStatus.SENT, refused=["b@example.org"], left=("c@example.org",))
        ask(request())
        assert self.left_of() == ["b@example.org", "c@example.org"]

    def test_everyone_of_a_sent_one_when_asked_for(self, ended):
        ended(status=DeliveryStatus.SENT, refused=["b@example.org"])
        ask(request(everyone=True))
        assert self.left_of() is None

    def test_a_resend_that_fails_addresses_no_more_the_next_time(self, ended, begin):
        ended(status=DeliveryStatus.SENT, refused=["b@example.org"])
        ask(request())
        (row,) = begin()
        failed = AttemptRecord(
            AttemptStatus.TRANSPORT_FAILED, Phase.CONNECT, FailureCode.CONNECT_FAILED
        )
        fate = Completion(
            failed,
            DeliveryStatus.DEAD_LETTER,
            FailureCode.CONNECT_FAILED,
            recipients_left=("b@example.org",),
        )
        complete([(row.attempt_id, worker_of(row), fate)])
        ask(request("again-d-1"))
        assert self.left_of("again-again-d-1") == ["b@example.org"]


class TestWhatIsRefused:
    def test_an_unknown_delivery(self):
        assert outcomes(ask(request("nobody"))) == [ResendOutcome.NOT_FOUND]

    def test_what_still_waits_or_is_under_way(self, new, accept, begin):
        accept(new())
        assert outcomes(ask(request())) == [ResendOutcome.NOT_TERMINAL]
        begin()
        assert outcomes(ask(request())) == [ResendOutcome.NOT_TERMINAL]

    def test_a_login_code(self, ended):
        ended(source=Source.AUTHSESSION)
        assert outcomes(ask(request())) == [ResendOutcome.LOGIN_CODE]

    def test_content_that_is_pruned(self, ended):
        parent = ended()
        Attachment.objects.all().delete()
        DeliveryPayload.objects.filter(delivery=parent).delete()
        assert outcomes(ask(request())) == [ResendOutcome.PAYLOAD_PRUNED]

    def test_content_that_is_erased(self, ended):
        DeliveryPayload.objects.filter(delivery=ended()).update(text_body=None, subject=None)
        assert outcomes(ask(request())) == [ResendOutcome.PAYLOAD_PRUNED]

    def test_what_is_past_its_expiry_unless_it_gets_a_new_one(self, ended):
        parent = ended(expires_at=later())
        Delivery.objects.filter(pk=parent.pk).update(expires_at=later(-HOUR))
        assert outcomes(ask(request())) == [ResendOutcome.EXPIRED]
        assert outcomes(ask(request(expires_at=later(-HOUR)))) == [ResendOutcome.EXPIRED]
        until = later()
        assert outcomes(ask(request(expires_at=until))) == [ResendOutcome.ACCEPTED]
        assert Delivery.objects.get(delivery_id="again-d-1").expires_at == until

    def test_the_expiry_is_kept_where_none_is_given(self, ended):
        parent = ended(expires_at=later())
        ask(request())
        assert Delivery.objects.get(delivery_id="again-d-1").expires_at == parent.expires_at

    def test_what_reached_everyone(self, ended):
        ended(status=DeliveryStatus.SENT)
        assert outcomes(ask(request())) == [ResendOutcome.NOTHING_TO_RESEND]
        assert Delivery.objects.count() == 1


class TestKeys:
    def test_the_same_request_again_is_the_same_delivery(self, ended):
        ended()
        ask(request())
        again = request(delivery_id="other", message_id="<other@example.com>")
        assert ask(again) == [Resent(ResendOutcome.DUPLICATE, "again-d-1")]
        assert Delivery.objects.count() == 2

    def test_also_under_a_secret_key_that_was_rotated_out(self, ended):
        ended()
        ask(request())
        rotated = request(
            delivery_id="other", fingerprint=b"n" * 32, older_fingerprints=(b"r" * 32,)
        )
        assert ask(rotated) == [Resent(ResendOutcome.DUPLICATE, "again-d-1")]

    def test_another_request_under_the_key_is_refused(self, ended):
        ended()
        ask(request())
        other = request(delivery_id="other", fingerprint=b"o" * 32)
        assert ask(other) == [Resent(ResendOutcome.CONFLICT)]

    def test_a_repetition_is_answered_alike_when_the_content_is_gone(self, ended):
        parent = ended()
        ask(request())
        Attachment.objects.filter(delivery=parent).delete()
        DeliveryPayload.objects.filter(delivery=parent).delete()
        assert ask(request(delivery_id="other")) == [Resent(ResendOutcome.DUPLICATE, "again-d-1")]

    def test_an_expired_key_is_taken_over(self, ended):
        ended()
        ask(request(), ttl=-HOUR)
        assert ask(request(delivery_id="second")) == [accepted("second")]

    def test_a_batch_is_answered_in_its_order(self, ended):
        ended("d-1")
        ended("d-2", status=DeliveryStatus.SENT)
        ended("d-3")
        answers = ask(request("d-3"), request("nobody"), request("d-2"), request("d-1"))
        assert answers == [
            accepted("again-d-3"),
            Resent(ResendOutcome.NOT_FOUND),
            Resent(ResendOutcome.NOTHING_TO_RESEND),
            accepted("again-d-1"),
        ]

    def test_of_many_at_once_with_one_key_one_is_new(self, ended):
        ended()
        answers, barrier = [], threading.Barrier(8)

        def post(number):
            try:
                barrier.wait(10)
                answers.extend(ask(request(delivery_id=f"n-{number}")))
            finally:
                connection.close()

        threads = [threading.Thread(target=post, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes(answers)) == ["accepted", *["duplicate"] * 7]
        assert len({answer.delivery_id for answer in answers}) == 1
        assert Delivery.objects.count() == 2


def test_what_was_sent_again_is_known(ended):
    ended("d-1")
    ended("d-2")
    ask(request("d-1"))
    assert sent_again(delivery_ids=["d-1", "d-2"]) == {"d-1"}
