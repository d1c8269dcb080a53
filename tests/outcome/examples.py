"""What replies and events come to: the contract by example, with nothing taken from the code."""

from deliveries.outcome.classification import Classifier, Disposition
from deliveries.outcome.report import Event, Reply, Report
from deliveries.states import AttemptStatus, FailureCode, Phase

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
    (Phase.CONNECT, 554, None, "no", F, FailureCode.GREETING_REFUSED, DEFERRED),
    (Phase.CONNECT, 421, None, "no", F, FailureCode.GREETING_REFUSED, DEFERRED),
    (Phase.GREETING, 554, None, "no", F, FailureCode.GREETING_REFUSED, DEFERRED),
    (Phase.GREETING, 421, None, "busy", F, FailureCode.GREETING_REFUSED, DEFERRED),
    (Phase.EHLO, 501, None, "no", F, FailureCode.EHLO_REFUSED, DEFERRED),
    (Phase.EHLO, 421, None, "no", F, FailureCode.EHLO_REFUSED, DEFERRED),
    (Phase.STARTTLS, 501, None, "no", F, FailureCode.STARTTLS_UNAVAILABLE, DEFERRED),
    (Phase.STARTTLS, 454, None, "no", F, FailureCode.STARTTLS_UNAVAILABLE, DEFERRED),
    (Phase.AUTH, 454, None, "no", F, FailureCode.AUTH_FAILED, DEFERRED),
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
    (Phase.RCPT, 552, None, "suppressed", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.DATA, 552, None, "full", R, FailureCode.PERMANENT_REPLY, REFUSED),
    (Phase.RCPT, 452, "4.5.3", "too many", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.RCPT, 452, None, "too many", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.RCPT, 452, "4.2.2", "full", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
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
    (Phase.DATA, 550, None, "suppressed", R, FailureCode.SUPPRESSED_BY_PROVIDER, SUPPRESSED),
    (Phase.BODY, 550, None, "suppressed", R, FailureCode.SUPPRESSED_BY_PROVIDER, SUPPRESSED),
    (Phase.BODY, 451, None, "later", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.BODY, 552, None, "too long", R, FailureCode.PERMANENT_REPLY, REFUSED),
    (Phase.FINAL, 554, None, "spam", R, FailureCode.PERMANENT_REPLY, REFUSED),
    (Phase.FINAL, 554, None, "suppressed", R, FailureCode.SUPPRESSED_BY_PROVIDER, SUPPRESSED),
    (Phase.FINAL, 451, None, "later", F, FailureCode.TEMPORARY_REPLY, DEFERRED),
    (Phase.FINAL, 354, None, "what", F, FailureCode.PROTOCOL_ERROR, DEFERRED),
    (Phase.DATA, 250, None, "what", F, FailureCode.PROTOCOL_ERROR, DEFERRED),
    *(
        (phase, 250, None, "what", F, FailureCode.PROTOCOL_ERROR, DEFERRED)
        for phase in Phase
        if phase not in {Phase.RCPT, Phase.FINAL, Phase.DATA}
    ),
    (Phase.RCPT, 354, None, "what", F, FailureCode.PROTOCOL_ERROR, DEFERRED),
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

# replies to RCPT: code, enhanced code, text -> whether another transaction follows at once
AT_ONCE = {
    (452, None, "too many"): True,
    (452, "4.5.3", "too many"): True,
    (452, "4.2.2", "full"): False,
    (450, None, "later"): False,
    (552, None, "too many"): False,
    (550, None, "no"): False,
    (550, None, "suppressed"): False,
    (250, None, "ok"): False,
    (354, None, "what"): False,
}
CLASSIFIER = Classifier(MARKERS)


def reply_of(example):
    """The reply of an example, its phase, and what must come of it."""
    phase, code, enhanced, text, *expected = example
    return Reply(code, enhanced, text), phase, tuple(expected)


def meant(judgement):
    return judgement.status, judgement.failure_code, judgement.disposition


def wrong_examples():
    """The examples that the classifier gets wrong."""
    wrong = [
        example
        for example in REPLIES
        for reply, phase, expected in [reply_of(example)]
        if meant(CLASSIFIER.judge_reply(phase=phase, reply=reply)) != expected
    ]
    wrong += [
        event
        for event, expected in EVENTS.items()
        if meant(CLASSIFIER.judge(Report(event, Phase.CONNECT))) != expected
    ]
    wrong += [
        key
        for key, expected in AT_ONCE.items()
        if CLASSIFIER.is_tried_at_once(Reply(*key)) is not expected
    ]
    return wrong
