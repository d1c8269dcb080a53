"""What one sender makes of a claimed attempt."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from deliveries.attempt.sender import Expired, GivenBack, Sender, Stub
from deliveries.outcome.report import Event, RecipientReply, Reply, Report
from deliveries.outcome.verdict import Policy
from deliveries.payload import Mailbox
from deliveries.states import DeliveryStatus, FailureCode, Phase
from tests.attempt.claims import Lease, claimed

OK = Reply(250, "2.0.0", "ok")
TOO_MANY = Reply(452, "4.5.3", "too many recipients")
WAIT = timedelta(minutes=1)


class Provider(Stub):
    """Answers each RCPT by the place of the recipient in the transaction."""

    def __init__(self, *replies):
        self.replies = replies
        self.envelopes = []
        self.messages = []
        self.deadlines = []

    def deadline(self):
        return time.monotonic() + 30.0

    def send(self, *, envelope, message, guard, deadline):
        self.envelopes.append(tuple(envelope.recipients))
        self.deadlines.append(deadline)
        self.messages.append(message)
        if not guard.may_begin():
            return Report(Event.GIVEN_BACK, Phase.MAIL)
        recipients = tuple(
            RecipientReply(address, reply)
            for address, reply in zip(envelope.recipients, self.replies, strict=False)
        )
        return Report(Event.REPLY, Phase.FINAL, OK, recipients)


@pytest.fixture
def stopping():
    return threading.Event()


@pytest.fixture
def make(stopping):
    def sender(provider, *, held=True, longest=float("inf")):
        return Sender(
            provider=provider,
            identity=Mailbox("s@example.com"),
            policy=Policy(ladder=(WAIT,), markers=(), retries_unknown=True),
            lease=Lease(held=held),
            stopping=stopping,
            longest=longest,
        )

    return sender


def test_everyone_is_sent_to_once(make):
    provider = Provider(OK, OK)
    ending = make(provider).send(claimed())
    assert (ending.status, ending.recipients_accepted) == (DeliveryStatus.SENT, 2)
    assert provider.envelopes == [("a@x.org", "b@x.org")]


def test_only_those_left_over_are_tried_again(make):
    provider = Provider(OK)
    ending = make(provider).send(
        claimed(attempt_no=2, recipients_left=["b@x.org"], recipients_accepted=1)
    )
    assert provider.envelopes == [("b@x.org",)]
    assert (ending.status, ending.recipients_accepted) == (DeliveryStatus.SENT, 2)


def test_too_many_recipients_go_on_at_once(make):
    provider = Provider(OK, TOO_MANY)
    ending = make(provider).send(claimed())
    assert provider.envelopes == [("a@x.org", "b@x.org"), ("b@x.org",)]
    first, second = provider.deadlines
    assert first == second
    assert (ending.status, ending.recipients_accepted) == (DeliveryStatus.SENT, 2)


def test_nothing_starts_past_the_expiry(make):
    provider = Provider(OK)
    assert make(provider).send(claimed(expires_in=-0.1)) == Expired()
    assert provider.envelopes == []


def test_nothing_starts_without_a_lease_or_during_the_shutdown(make, stopping):
    provider = Provider(OK)
    assert make(provider, held=False).send(claimed()) == GivenBack()
    stopping.set()
    assert make(provider).send(claimed()) == GivenBack()
    assert provider.envelopes == []


def test_a_message_that_cannot_be_written_goes_up_the_ladder_and_is_told(make, caplog):
    provider = Provider(OK)
    broken = claimed(headers=[["X-Broken", "a\r\nBcc: eve@example.org"]])
    ending = make(provider).send(broken)
    assert provider.envelopes == []
    assert (ending.status, ending.retry_after) == (None, WAIT)
    assert ending.attempt.failure_code is FailureCode.PROTOCOL_ERROR
    assert ending.attempt.summary == "the message cannot be written"
    assert "message cannot be written" in caplog.messages
    assert "eve@" not in caplog.text
    last = make(provider).send(claimed(attempt_no=2, headers=[["X-Broken", "\r\n"]]))
    assert last.status is DeliveryStatus.DEAD_LETTER


def test_what_the_relay_repeats_of_a_login_code_is_not_kept(make):
    said = Reply(550, "5.7.1", "rejected as spam: ktrf-9xq2, KTRF, is your sign-in code")
    kept = "550 5.7.1 rejected as spam: *** KTRF, is your sign-in code"
    secret = claimed(source="authsession", login_code="KTRF-9XQ2", to=("a@x.org",))
    ending = make(Provider(said)).send(secret)
    assert [refusal["summary"] for refusal in ending.recipients_refused] == [kept]
    open_ = make(Provider(said)).send(claimed(to=("a@x.org",)))
    assert [refusal["summary"] for refusal in open_.recipients_refused] == [said.summary]


class Breaking(Stub):
    """Breaks off with a defect, before or after the final dot."""

    def __init__(self, *, finishes):
        self.finishes = finishes

    def send(self, *, guard, **_named):
        assert guard.may_begin()
        if self.finishes:
            assert guard.may_finish()
        raise RuntimeError


@pytest.mark.parametrize("finishes", [True, False])
def test_a_defect_of_ours_uses_a_rung_and_is_unknown_if_the_relay_may_have_it(make, finishes):
    sender, attempt = make(Breaking(finishes=finishes)), claimed()
    with pytest.raises(RuntimeError):
        sender.send(attempt)
    assert sender.may_have_sent is finishes
    ending = sender.broken(attempt)
    assert (ending.status, ending.retry_after) == (None, WAIT)
    assert ending.attempt.outcome_unknown is finishes
    code = FailureCode.WORKER_LOST if finishes else FailureCode.PROTOCOL_ERROR
    assert ending.attempt.failure_code is code
    last = sender.broken(claimed(attempt_no=2))
    assert (last.status, last.failure_code) == (DeliveryStatus.DEAD_LETTER, code)


def test_an_old_attempt_is_begun_no_more(make):
    sender = make(Provider(OK), longest=5.0)
    assert sender.send(replace(claimed(), at=time.monotonic() - 6)) == GivenBack()
