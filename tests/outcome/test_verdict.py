"""What becomes of a delivery, by the order of the contract."""

from datetime import timedelta

import pytest

from deliveries.outcome.report import Event, RecipientReply, Reply, Report
from deliveries.outcome.verdict import Policy, Standing, decide, lost
from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase

A, B = "a@example.org", "b@example.org"
OK = Reply(250, "2.1.5", "ok")
GONE = Reply(550, "5.1.1", "no such user")
LATER = Reply(450, "4.2.0", "later")
MARKED = Reply(550, "5.7.1", "on our suppression list")
MINUTE = timedelta(minutes=1)


def policy(*, retries_unknown=True):
    return Policy(ladder=(MINUTE,), markers=("suppress",), retries_unknown=retries_unknown)


def accepted(*replies):
    recipients = tuple(RecipientReply(a, r) for a, r in zip((A, B), replies, strict=False))
    return Report(Event.REPLY, Phase.FINAL, Reply(250, "2.0.0", "queued"), recipients)


def refused(*replies):
    recipients = tuple(RecipientReply(a, r) for a, r in zip((A, B), replies, strict=False))
    return Report(Event.REPLY, Phase.RCPT, replies[-1], recipients)


def verdict(*reports, attempt_no=1, standing_accepted=0, recipients=(A, B), **options):
    return decide(
        reports=reports,
        recipients=recipients,
        standing=Standing(attempt_no=attempt_no, accepted=standing_accepted),
        policy=policy(**options),
    )


@pytest.mark.parametrize(
    ("replies", "status", "left", "refused_addresses"),
    [
        ((OK, OK), DeliveryStatus.SENT, None, []),
        ((OK, GONE), DeliveryStatus.SENT, None, [B]),
        ((OK, MARKED), DeliveryStatus.SENT, None, [B]),
        ((OK, LATER), None, (B,), []),
    ],
)
def test_an_accepted_message_with_mixed_recipients(replies, status, left, refused_addresses):
    completion = verdict(accepted(*replies))
    assert completion.attempt.status is AttemptStatus.PROVIDER_ACCEPTED
    assert completion.attempt.failure_code is None
    assert completion.status is status
    assert completion.recipients_left == left
    assert [r["address"] for r in completion.recipients_refused] == refused_addresses
    assert completion.retry_after == (MINUTE if left else None)


@pytest.mark.parametrize(
    ("replies", "attempt_status", "code", "status"),
    [
        ((GONE, GONE), "provider_rejected", "permanent_reply", "failed"),
        ((MARKED, MARKED), "provider_rejected", "suppressed_by_provider", "suppressed"),
        ((MARKED, GONE), "provider_rejected", "permanent_reply", "failed"),
        ((GONE, MARKED), "provider_rejected", "permanent_reply", "failed"),
        ((LATER, GONE), "transport_failed", "temporary_reply", None),
        ((MARKED, LATER), "transport_failed", "temporary_reply", None),
    ],
)
def test_every_recipient_refused(replies, attempt_status, code, status):
    completion = verdict(refused(*replies))
    assert completion.attempt.status == attempt_status
    assert completion.attempt.failure_code == code
    assert completion.status == status
    assert completion.failure_code == code


def test_who_was_accepted_is_not_tried_again_and_the_end_is_sent():
    later = verdict(refused(LATER), attempt_no=2, standing_accepted=1, recipients=(A,))
    assert later.status is DeliveryStatus.SENT
    assert later.attempt.status is AttemptStatus.TRANSPORT_FAILED
    first = verdict(accepted(OK, LATER))
    assert first.at_expiry is DeliveryStatus.SENT
    assert first.recipients_accepted == 1


def test_a_used_up_ladder_makes_a_dead_letter():
    completion = verdict(Report(Event.CONNECT_FAILED, Phase.CONNECT), attempt_no=2)
    assert completion.status is DeliveryStatus.DEAD_LETTER
    assert completion.failure_code is FailureCode.CONNECT_FAILED
    assert completion.recipients_left == (A, B)


@pytest.mark.parametrize(
    ("event", "status"),
    [(Event.TIMEOUT, "timed_out"), (Event.CONNECTION_LOST, "transport_failed")],
)
@pytest.mark.parametrize(("retries", "ending"), [(True, None), (False, "failed")])
def test_an_unknown_outcome_is_on_record_and_follows_the_policy(event, status, retries, ending):
    report = Report(
        event,
        Phase.FINAL,
        recipients=(RecipientReply(A, OK), RecipientReply(B, OK)),
        final_dot_written=True,
    )
    completion = verdict(report, retries_unknown=retries)
    assert completion.attempt.status == status
    assert completion.attempt.outcome_unknown
    assert completion.status == ending
    assert completion.failure_code == (
        "outcome_unknown" if ending else completion.attempt.failure_code
    )


def test_a_known_refusal_stays_known_when_the_rest_breaks():
    report = Report(
        Event.CONNECTION_LOST,
        Phase.DATA,
        recipients=(RecipientReply(A, OK), RecipientReply(B, GONE)),
    )
    completion = verdict(report)
    assert completion.recipients_left == (A,)
    assert [r["address"] for r in completion.recipients_refused] == [B]


def test_the_second_transaction_settles_whom_the_first_left_over():
    too_many = Reply(452, "4.5.3", "too many recipients")
    second = Report(Event.REPLY, Phase.FINAL, OK, (RecipientReply(B, OK),))
    completion = verdict(accepted(OK, too_many), second)
    assert completion.status is DeliveryStatus.SENT
    assert completion.recipients_accepted == 2


@pytest.mark.parametrize(
    ("attempt_no", "retries", "accepted_before", "status", "code"),
    [
        (1, True, 0, None, "worker_lost"),
        (2, True, 0, "dead_letter", "worker_lost"),
        (1, False, 0, "failed", "outcome_unknown"),
        (2, True, 1, "sent", None),
    ],
)
def test_a_lost_worker(attempt_no, retries, accepted_before, status, code):
    completion = lost(
        standing=Standing(attempt_no=attempt_no, accepted=accepted_before),
        recipients_left=None,
        policy=policy(retries_unknown=retries),
    )
    assert completion.attempt.status is AttemptStatus.TIMED_OUT
    assert completion.attempt.outcome_unknown
    assert completion.attempt.phase is None
    assert completion.status == status
    assert completion.failure_code == code
