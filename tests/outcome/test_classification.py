"""The classifier against the table of the contract, and complete over everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.outcome.classification import Disposition, judge, judge_reply
from deliveries.outcome.report import Event, Reply, Report
from deliveries.states import FINISHED_ATTEMPT, AttemptStatus, FailureCode, Phase

A, R, F, T = (
    AttemptStatus.PROVIDER_ACCEPTED,
    AttemptStatus.PROVIDER_REJECTED,
    AttemptStatus.TRANSPORT_FAILED,
    AttemptStatus.TIMED_OUT,
)
ACCEPTED, SUPPRESSED, REFUSED, DEFERRED = (
    Disposition.ACCEPTED,
    Disposition.SUPPRESSED,
    Disposition.REFUSED,
    Disposition.DEFERRED,
)
MARKERS = ("suppress",)

REPLIES = [
    # phase, code, enhanced, text -> status, failure code, disposition
    (Phase.FINAL, 250, "2.0.0", "queued", A, None, ACCEPTED),
    (Phase.RCPT, 250, None, "ok", A, None, ACCEPTED),
    (Phase.GREETING, 554, None, "no", F, FailureCode.GREETING_REFUSED, DEFERRED),
    (Phase.GREETING, 421, None, "busy", F, FailureCode.GREETING_REFUSED, DEFERRED),
    (Phase.EHLO, 501, None, "no", F, FailureCode.EHLO_REFUSED, DEFERRED),
    (Phase.STARTTLS, 454, None, "no", F, FailureCode.STARTTLS_UNAVAILABLE, DEFERRED),
    (Phase.AUTH, 535, "5.7.8", "no", F, FailureCode.AUTH_FAILED, DEFERRED),
    (Phase.AUTH, 535, "5.7.8", "Suppressed", F, FailureCode.AUTH_FAILED, DEFERRED),
    (Phase.MAIL, 550, None, "no", F, FailureCode.SENDER_REFUSED, DEFERRED),
    (Phase.MAIL, 451, None, "suppressed", F, FailureCode.SENDER_REFUSED, DEFERRED),
    (Phase.MAIL, 550, None, "SUPPRESSED", R, FailureCode.SUPPRESSED_BY_PROVIDER, SUPPRESSED),
    (Phase.RCPT, 450, None, "later", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.RCPT, 421, None, "bye", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.RCPT, 450, None, "on suppression list", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.RCPT, 550, "5.1.1", "unknown", R, FailureCode.PERMANENT_REPLY, REFUSED),
    (Phase.RCPT, 552, None, "full", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.RCPT, 552, "5.2.2", "full", R, FailureCode.PERMANENT_REPLY, REFUSED),
    (
        Phase.RCPT,
        550,
        "5.1.1",
        "on Suppression list",
        R,
        FailureCode.SUPPRESSED_BY_PROVIDER,
        SUPPRESSED,
    ),
    (Phase.DATA, 554, None, "no", R, FailureCode.PERMANENT_REPLY, REFUSED),
    (Phase.DATA, 451, None, "later", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.BODY, 552, None, "too long", R, FailureCode.PERMANENT_REPLY, REFUSED),
    (Phase.FINAL, 554, None, "spam", R, FailureCode.PERMANENT_REPLY, REFUSED),
    (Phase.FINAL, 554, None, "suppressed", R, FailureCode.SUPPRESSED_BY_PROVIDER, SUPPRESSED),
    (Phase.FINAL, 451, None, "later", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.FINAL, 354, None, "what", F, FailureCode.PROTOCOL_ERROR, DEFERRED),
    (Phase.DATA, 250, None, "what", F, FailureCode.PROTOCOL_ERROR, DEFERRED),
]

EVENTS = {
    Event.DNS_FAILED: (F, FailureCode.DNS_FAILED, DEFERRED),
    Event.CONNECT_FAILED: (F, FailureCode.CONNECT_FAILED, DEFERRED),
    Event.STARTTLS_UNAVAILABLE: (F, FailureCode.STARTTLS_UNAVAILABLE, DEFERRED),
    Event.TLS_FAILED: (F, FailureCode.TLS_FAILED, DEFERRED),
    Event.AUTH_UNAVAILABLE: (F, FailureCode.AUTH_FAILED, DEFERRED),
    Event.CONNECTION_LOST: (F, FailureCode.CONNECTION_LOST, DEFERRED),
    Event.PROTOCOL_ERROR: (F, FailureCode.PROTOCOL_ERROR, DEFERRED),
    Event.TIMEOUT: (T, FailureCode.TIMEOUT, DEFERRED),
    Event.MESSAGE_TOO_LARGE: (R, FailureCode.MESSAGE_TOO_LARGE, REFUSED),
    Event.SMTPUTF8_UNAVAILABLE: (R, FailureCode.SMTPUTF8_UNAVAILABLE, REFUSED),
}


@pytest.mark.parametrize(
    ("phase", "code", "enhanced", "text", "status", "failure", "disposition"), REPLIES
)
def test_replies(phase, code, enhanced, text, status, failure, disposition):
    judgement = judge_reply(phase=phase, reply=Reply(code, enhanced, text), markers=MARKERS)
    assert (judgement.status, judgement.failure_code, judgement.disposition) == (
        status,
        failure,
        disposition,
    )


@pytest.mark.parametrize("event", sorted(set(Event) - {Event.REPLY, Event.GIVEN_BACK}))
def test_events(event):
    judgement = judge(report=Report(event, Phase.CONNECT), markers=MARKERS)
    assert (judgement.status, judgement.failure_code, judgement.disposition) == EVENTS[event]


def test_what_decides_nothing_is_not_judged():
    with pytest.raises(ValueError, match="given back"):
        judge(report=Report(Event.GIVEN_BACK, Phase.MAIL), markers=MARKERS)
    with pytest.raises(ValueError, match="carries the reply"):
        judge(report=Report(Event.REPLY, Phase.MAIL), markers=MARKERS)


@given(
    phase=st.sampled_from(sorted(Phase)),
    code=st.integers(min_value=200, max_value=599),
    enhanced=st.sampled_from([None, "4.2.2", "5.1.1"]),
    text=st.text(max_size=20),
)
def test_every_reply_has_a_judgement_that_holds_together(phase, code, enhanced, text):
    judgement = judge_reply(phase=phase, reply=Reply(code, enhanced, text), markers=MARKERS)
    assert judgement.status in FINISHED_ATTEMPT
    assert (judgement.status is A) == (judgement.failure_code is None)
    assert (judgement.status is R) == (judgement.disposition in {REFUSED, SUPPRESSED})
    assert code >= 500 or judgement.status is not R
