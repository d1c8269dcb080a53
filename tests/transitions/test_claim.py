"""What a worker gets of what was handed out, and how it gives it back."""

import pytest

from deliveries.models import Attempt
from deliveries.payload import Mailbox, Payload
from deliveries.states import Source
from deliveries.transitions.claim import claim, give_back
from deliveries.transitions.handout import hand_out
from tests.transitions.deliveries import HOUR, delivery, later

pytestmark = pytest.mark.django_db(transaction=True)


def test_takes_login_codes_first_and_a_reserved_thread_takes_nothing_else(new, accept, worker):
    accept(new("d-1"), new("login", source=Source.AUTHSESSION))
    for source in Source:
        hand_out(source=source, bound=9, batch=9)
    (first,) = claim(worker_id=worker.id, limit=1, last_lane=2)
    assert first.delivery_id == "login"
    assert claim(worker_id=worker.id, limit=1, last_lane=0) == []
    attempt = Attempt.objects.get(id=first.attempt_id)
    assert (attempt.status, attempt.worker_id) == ("in_progress", worker.id)


def test_brings_the_content_and_the_time_left(new, accept, begin):
    accept(new(expires_at=later(HOUR)))
    (row,) = begin()
    assert (row.subject, row.text_body) == ("Hello", "Text")
    assert row.mailboxes == {"to": [{"email": "a@example.org", "name": "Ada"}]}
    assert 3500 < row.expires_in <= 3600


def test_leaves_large_content_for_the_thread_that_sends_it(new, accept, begin):
    payload = Payload(to=(Mailbox("a@example.org"),), subject="S", text_body="x" * 70_000)
    accept(new(payload=payload))
    (row,) = begin()
    assert (row.text_body, row.content_bytes) == (None, 70_000)


def test_what_is_given_back_uses_no_row_and_no_rung(new, accept, begin, worker):
    accept(new())
    before = delivery().next_attempt_at
    (row,) = begin()
    assert give_back(worker_id=worker.id, attempt_ids=[row.attempt_id]) == 1
    after = delivery()
    assert (after.status, after.attempt_count, after.next_attempt_at) == ("queued", 0, before)
    assert Attempt.objects.count() == 0


def test_another_worker_cannot_give_it_back(new, accept, begin, worker):
    accept(new())
    (row,) = begin()
    assert give_back(worker_id=worker.id + 1, attempt_ids=[row.attempt_id]) == 0
    assert delivery().status == "sending"
