"""What becomes of a delivery by the outcome of an attempt."""

import pytest

from deliveries.models import Attempt, DeadLetter, Delivery, DeliveryPayload
from deliveries.states import DeliveryStatus, FailureCode, Source
from deliveries.transitions.completion import complete
from deliveries.transitions.records import Completion
from tests.transitions.deliveries import FAILED, HOUR, RETRY, SENT, delivery, later

pytestmark = pytest.mark.django_db(transaction=True)

DEAD = Completion(FAILED, DeliveryStatus.DEAD_LETTER, FailureCode.CONNECT_FAILED)


def test_sent(new, accept, begin, worker):
    accept(new())
    (row,) = begin()
    (moved,) = complete([(row.attempt_id, worker.id, SENT)])
    assert (moved.delivery_id, moved.status) == ("d-1", "sent")
    after = delivery()
    assert (after.status, after.recipients_accepted) == ("sent", 1)
    assert after.finished_at is not None
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.phase, attempt.smtp_code) == (
        "provider_accepted",
        "final",
        250,
    )


@pytest.mark.parametrize(("mode", "waiting"), [("rendered", "queued"), ("template", "rendered")])
def test_a_retry_goes_back_to_where_it_waited(mode, waiting, new, accept, begin, worker):
    accept(new(payload_mode=mode, status=waiting))
    (row,) = begin()
    complete([(row.attempt_id, worker.id, RETRY)])
    after = delivery()
    assert after.status == waiting
    assert after.next_attempt_at - Attempt.objects.get().finished_at == HOUR
    assert (after.last_failure_code, after.last_provider_summary) == (
        "connect_failed",
        "refused",
    )
    assert after.attempt_count == 1


@pytest.mark.parametrize(
    ("at_expiry", "code"), [(DeliveryStatus.FAILED, "expired"), (DeliveryStatus.SENT, None)]
)
def test_a_rung_past_the_expiry_ends_it_at_once(at_expiry, code, new, accept, begin, worker):
    accept(new(expires_at=later(HOUR / 2)))
    (row,) = begin()
    retry = Completion(
        FAILED, None, FailureCode.CONNECT_FAILED, retry_after=HOUR, at_expiry=at_expiry
    )
    complete([(row.attempt_id, worker.id, retry)])
    assert (delivery().status, delivery().last_failure_code) == (at_expiry, code)


def test_a_dead_letter_is_written_with_its_state(new, accept, begin, worker):
    accept(new())
    (row,) = begin()
    complete([(row.attempt_id, worker.id, DEAD)])
    letter = DeadLetter.objects.get()
    assert delivery().status == "dead_letter"
    assert (letter.failure_code, letter.reason, letter.attempt_count) == (
        "connect_failed",
        "refused",
        1,
    )


def test_a_login_code_is_erased_when_it_ends_and_not_before(new, accept, begin, worker):
    accept(new(source=Source.AUTHSESSION), new("d-2"))
    login, other = begin()
    complete([(login.attempt_id, worker.id, RETRY)])
    assert DeliveryPayload.objects.get(delivery=delivery()).text_body == "Text"
    Delivery.objects.filter(status="queued").update(next_attempt_at=later(-HOUR))
    (again,) = begin()
    complete([(again.attempt_id, worker.id, SENT), (other.attempt_id, worker.id, SENT)])
    erased = DeliveryPayload.objects.get(delivery=delivery())
    assert (erased.subject, erased.text_body, erased.variables) == (None, None, None)
    assert erased.mailboxes["to"][0]["email"] == "a@example.org"
    assert DeliveryPayload.objects.get(delivery=delivery("d-2")).text_body == "Text"


def test_nobody_completes_twice_or_for_another(new, accept, begin, worker):
    accept(new())
    (row,) = begin()
    assert complete([(row.attempt_id, worker.id + 1, SENT)]) == []
    assert delivery().status == "sending"
    complete([(row.attempt_id, worker.id, RETRY)])
    assert complete([(row.attempt_id, worker.id, SENT)]) == []
    assert delivery().status == "queued"
