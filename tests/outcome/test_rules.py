"""An installation's own rules, which come before the table."""

from datetime import timedelta

import pytest

from deliveries.attempt.smtp.replies import parse_reply
from deliveries.conf.reply_rules import reply_rules
from deliveries.outcome.classification import Classifier, Disposition
from deliveries.outcome.report import Event, RecipientReply, Reply, Report
from deliveries.outcome.verdict import Policy, Standing, decide
from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase

F, R = AttemptStatus.TRANSPORT_FAILED, AttemptStatus.PROVIDER_REJECTED
RETRY = (F, FailureCode.TEMPORARY_REPLY, Disposition.DEFERRED)
REFUSE = (R, FailureCode.PERMANENT_REPLY, Disposition.REFUSED)
SUPPRESS = (R, FailureCode.SUPPRESSED_BY_PROVIDER, Disposition.SUPPRESSED)

LONG = parse_reply(b"550-" + b"x" * 600 + b"\r\n550 far on\r\n")


def meant(rules, phase, reply):
    classifier = Classifier(("suppress",), reply_rules(rules))
    judgement = classifier.judge_reply(phase=phase, reply=reply)
    return judgement.status, judgement.failure_code, judgement.disposition


@pytest.mark.parametrize(
    ("rules", "phase", "reply", "expected"),
    [
        ("rcpt 550 -> retry", Phase.RCPT, Reply(550, "5.1.1", "no"), RETRY),
        ("rcpt 550 -> retry", Phase.RCPT, Reply(551, "5.1.1", "no"), REFUSE),
        ("rcpt 550 -> retry", Phase.FINAL, Reply(550, "5.1.1", "no"), REFUSE),
        ("* 5xx -> retry", Phase.BODY, Reply(552, None, "no"), RETRY),
        ("* 5xx -> retry", Phase.BODY, Reply(452, None, "no"), RETRY),
        ("final 4xx -> refuse", Phase.FINAL, Reply(450, None, "no"), REFUSE),
        ("rcpt 552 none -> refuse", Phase.RCPT, Reply(552, None, "full"), REFUSE),
        ("rcpt 550 none -> retry", Phase.RCPT, Reply(550, "5.1.1", "no"), REFUSE),
        ("rcpt 550 5.7.1 -> retry", Phase.RCPT, Reply(550, "5.7.1", "no"), RETRY),
        ("rcpt 550 5.7.1 -> retry", Phase.RCPT, Reply(550, "5.7.11", "no"), REFUSE),
        ("rcpt 550 5.7.1 -> retry", Phase.RCPT, Reply(550, None, "5.7.1"), REFUSE),
        ("final 554 /try .* later/ -> retry", Phase.FINAL, Reply(554, None, "TRY it later"), RETRY),
        ("final 554 /try .* later/ -> retry", Phase.FINAL, Reply(554, None, "spam"), REFUSE),
        ("rcpt 550 /bounced/ -> suppress", Phase.RCPT, Reply(550, None, "Bounced"), SUPPRESS),
        ("rcpt 550 -> refuse", Phase.RCPT, Reply(550, None, "suppressed"), REFUSE),
        ("rcpt 550 /far on/ -> retry", Phase.RCPT, LONG, RETRY),
        # the first that fits
        (
            "rcpt 550 /a/ -> retry; rcpt 550 -> suppress",
            Phase.RCPT,
            Reply(550, None, "b a"),
            RETRY,
        ),
        (
            "rcpt 550 /a/ -> retry; rcpt 550 -> suppress",
            Phase.RCPT,
            Reply(550, None, "b"),
            SUPPRESS,
        ),
        # MAIL is refused by its own code
        (
            "mail 550 -> refuse",
            Phase.MAIL,
            Reply(550, None, "no"),
            (R, FailureCode.SENDER_REFUSED, Disposition.REFUSED),
        ),
        (
            "mail 550 -> retry",
            Phase.MAIL,
            Reply(550, None, "suppressed"),
            (F, FailureCode.SENDER_REFUSED, Disposition.DEFERRED),
        ),
        ("mail 451 -> suppress", Phase.MAIL, Reply(451, None, "no"), SUPPRESS),
        # what concerns us never costs a message
        (
            "* 5xx -> refuse",
            Phase.AUTH,
            Reply(535, None, "no"),
            (F, FailureCode.AUTH_FAILED, Disposition.DEFERRED),
        ),
    ],
)
def test_rules(rules, phase, reply, expected):
    assert meant(rules, phase, reply) == expected


def test_a_pattern_cannot_take_for_ever():
    """Its time may grow with the square of the text: a relay may say 64 KiB, of which 4 count."""
    rule = "rcpt 550 /.*too far/ -> retry"
    assert meant(rule, Phase.RCPT, Reply(550, None, "x" * 65_000 + "too far")) == REFUSE


def test_an_acceptance_is_beyond_all_rules():
    classifier = Classifier((), reply_rules("* 4xx -> refuse; * 5xx -> suppress"))
    judgement = classifier.judge_reply(phase=Phase.FINAL, reply=Reply(250, None, "ok"))
    assert judgement.disposition is Disposition.ACCEPTED


def test_a_rule_for_too_many_recipients_keeps_them_from_a_further_transaction():
    reply = Reply(452, "4.5.3", "too many")
    assert Classifier().is_tried_at_once(reply)
    assert not Classifier((), reply_rules("rcpt 452 -> retry")).is_tried_at_once(reply)


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ("final 554 -> retry", None),
        ("final 554 -> suppress", DeliveryStatus.SUPPRESSED),
        ("final 451 -> retry", DeliveryStatus.FAILED),
    ],
)
def test_a_rule_decides_about_the_delivery(rules, status):
    reply = Reply(554, None, "no")
    report = Report(Event.REPLY, Phase.FINAL, reply, (RecipientReply("a@x.org", None),))
    completion = decide(
        reports=[report],
        recipients=["a@x.org"],
        standing=Standing(attempt_no=1),
        policy=Policy(
            ladder=(timedelta(minutes=1),),
            markers=(),
            retries_unknown=True,
            rules=reply_rules(rules),
        ),
    )
    assert completion.status == status
