"""Incidents of the relay."""

import base64

import pytest

from deliveries.models import Attempt, DeadLetter
from tests.drills.drill import long_ago
from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Drop, Stage, Stall
from tests.relay.scripted import ScriptedRelay, closed_port

pytestmark = [pytest.mark.process]

LATER = "451 4.3.0 queue file 4BxY2k9QzZ: later, please"
# longer than it takes a slow machine to look at the incident and to end it
LONG_LADDER = {"MAIL_RETRY_LADDER": ",".join(["300ms"] * 12 + ["5s"] * 8)}


@pytest.mark.drill("Dead letters")
def test_dead_letters(drill):
    script = {Stage.DATA: LATER}
    relay = drill.relay(script)
    drill.start()
    drill.publish(*range(12))
    drill.wait_for_statuses(dead_letter=12)
    drill.wait_for_log("run_attempts", "delivery dead-lettered")
    drill.wait_for_metric("mail.delivery.dead_letters", least=12)
    assert DeadLetter.objects.count() == 12

    seen = drill.look("Dead letters", DELIVERY_ID="d-1")
    told = seen["doctor --only outcomes --only relay"]
    assert "12 notification temporary_reply “451 4.3.0 queue file #: later, please”" in told
    assert drill.doctor("outcomes")["outcomes.dead_letters"] == "failed"
    assert drill.doctor("outcomes")["outcomes.unmatched"] == "ok"

    del script[Stage.DATA]
    drill.remedy("Dead letters")
    drill.wait_for_statuses(dead_letter=12, sent=12)
    assert len(relay.messages) == 12
    assert drill.doctor("outcomes")["outcomes.dead_letters"] == "ok"


@pytest.mark.drill("The relay is away")
def test_the_relay_is_away(drill):
    with closed_port() as port:
        drill.environment |= {"MAIL_SMTP_ADDR": f"127.0.0.1:{port}", **LONG_LADDER}
        drill.start()
        drill.publish(*range(3))
        drill.wait_for_log("run_attempts", "retry scheduled")
        drill.wait_for_metric(
            "mail.attempt.outcomes",
            least=3,
            status="transport_failed",
            failure_code="connect_failed",
        )
        drill.look("The relay is away")
        levels = drill.doctor("relay.reached", "outcomes.reached")
        assert levels == {"relay.reached": "failed", "outcomes.reached": "failed"}
        held = drill.remedy_commands("The relay is away")
        drill.run(*held[0])
        assert drill.doctor("schedule.holds") == {"schedule.holds": "warning"}
    with ScriptedRelay(port=port) as relay:
        for argv in held[1:]:
            drill.run(*argv)
        drill.wait_for_statuses(sent=3)
        assert len(relay.messages) == 3
        levels = drill.doctor("relay.reached", "outcomes.reached", "schedule.holds")
        assert levels["relay.reached"] == "ok"
        assert levels["outcomes.reached"] != "failed"
        assert levels["schedule.holds"] == "ok"


@pytest.mark.drill("No TLS to the relay")
def test_a_certificate_that_has_expired(drill, tmp_path):
    authority = Authority(tmp_path)
    drill.environment |= {
        "MAIL_SMTP_TLS": "starttls",
        "MAIL_SMTP_CA_FILE": str(authority.ca_file),
        **LONG_LADDER,
    }
    offer = (*KEYWORDS, "STARTTLS")
    with ScriptedRelay(keywords=offer, context=authority.server_context(days=-1)) as relay:
        port = relay.port
        drill.environment["MAIL_SMTP_ADDR"] = f"127.0.0.1:{port}"
        drill.start()
        drill.publish(*range(3))
        drill.wait_for_log("run_attempts", "retry scheduled")
        drill.wait_for_metric(
            "mail.attempt.outcomes", status="transport_failed", failure_code="tls_failed"
        )
        seen = drill.look("No TLS to the relay")
        assert "certificate has expired" in seen["smtp_check"]
        levels = drill.doctor("relay.encrypted", "outcomes.reached")
        assert levels == {"relay.encrypted": "failed", "outcomes.reached": "failed"}
        assert relay.messages == []
    renewed = authority.server_context(days=90)
    with ScriptedRelay(port=port, keywords=offer, context=renewed) as relay:
        drill.remedy("No TLS to the relay")
        drill.wait_for_statuses(sent=3)
        assert all(message.is_tls for message in relay.messages)
        levels = drill.doctor("relay.encrypted", "outcomes.reached")
        assert levels["relay.encrypted"] == "ok"
        assert levels["outcomes.reached"] != "failed"


@pytest.mark.drill("The relay refuses the login")
def test_a_wrong_password(drill, tmp_path):
    authority = Authority(tmp_path)
    wrong, right = "wrong-and-secret", "right-and-secret"
    script = {Stage.AUTH: "535 5.7.8 authentication failed"}
    relay = drill.relay(
        script,
        keywords=(*KEYWORDS, "STARTTLS"),
        keywords_tls=(*KEYWORDS, "AUTH PLAIN LOGIN"),
        context=authority.server_context(days=90),
    )
    drill.environment |= {
        "MAIL_SMTP_TLS": "starttls",
        "MAIL_SMTP_CA_FILE": str(authority.ca_file),
        "MAIL_SMTP_USERNAME": "account",
        "MAIL_SMTP_PASSWORD": wrong,
    }
    drill.start()
    drill.publish(*range(2))
    drill.wait_for_statuses(dead_letter=2)
    drill.wait_for_log("run_attempts", "retry scheduled")
    drill.wait_for_metric(
        "mail.attempt.outcomes", status="transport_failed", failure_code="auth_failed"
    )
    seen = drill.look("The relay refuses the login")
    assert "535 5.7.8 authentication failed" in seen["smtp_check --sender"]
    assert "PLAIN, LOGIN offered" in seen["smtp_check --sender"]
    levels = drill.doctor("relay.login", "outcomes.refused")
    assert levels == {"relay.login": "failed", "outcomes.refused": "failed"}

    del script[Stage.AUTH]  # the relay takes the right one
    drill.restart("run_attempts", MAIL_SMTP_PASSWORD=right)
    drill.remedy("The relay refuses the login")
    drill.wait_for_statuses(dead_letter=2, sent=2)
    given = base64.b64encode(f"\0account\0{right}".encode()).decode()
    assert any(f"AUTH PLAIN {given}" in heard for heard in relay.dialogues)
    levels = drill.doctor("relay.login", "outcomes.refused", "outcomes.dead_letters")
    assert levels["relay.login"] == "ok"
    assert levels["outcomes.refused"] != "failed"
    assert levels["outcomes.dead_letters"] == "ok"
    for process in drill.processes.values():
        assert wrong not in process.output
        assert right not in process.output


@pytest.mark.drill("Sends time out")
def test_a_relay_that_stalls(drill):
    script = {Stage.MAIL: Stall()}
    relay = drill.relay(script)
    drill.environment |= {"MAIL_SMTP_TIMEOUT": "1s", **LONG_LADDER}
    drill.start()
    drill.publish(*range(3))
    drill.wait_for_log("run_attempts", "retry scheduled")
    drill.wait_for_metric("mail.attempt.outcomes", status="timed_out", failure_code="timeout")
    drill.wait_for_metric("mail.provider.send.duration_ms", status="timed_out")
    (sends,) = drill.collector.series("mail.provider.send.duration_ms", status="timed_out")
    assert sends.sum / sends.value >= 900  # the whole budget, less what the clocks differ
    drill.look("Sends time out")
    levels = drill.doctor("outcomes.timeouts", "outcomes.durations")
    assert levels == {"outcomes.timeouts": "failed", "outcomes.durations": "warning"}
    assert drill.query("Sends time out")[0][0] == "mail"

    hold, release = drill.remedy_commands("Sends time out")
    drill.run(*hold)
    del script[Stage.MAIL]
    drill.run(*release)
    drill.wait_for_statuses(sent=3)
    assert len(relay.messages) == 3
    assert drill.doctor("outcomes.timeouts")["outcomes.timeouts"] != "failed"


@pytest.mark.drill("Mail is suppressed")
def test_mail_is_suppressed(drill):
    script = {Stage.RCPT: "550 5.7.1 recipient is on the suppression list"}
    relay = drill.relay(script)
    drill.start()
    drill.publish(1, 2)
    drill.wait_for_statuses(suppressed=2)
    drill.wait_for_log("run_attempts", "delivery suppressed")
    drill.wait_for_metric("mail.delivery.suppressed", least=2, source="notification")
    assert set(Attempt.objects.values_list("status", "failure_code")) == {
        ("provider_rejected", "suppressed_by_provider")
    }
    seen = drill.look("Mail is suppressed", DELIVERY_ID="d-1")
    assert "on the suppression list" in "".join(seen.values())
    assert drill.doctor("outcomes.suppressed") == {"outcomes.suppressed": "warning"}

    del script[Stage.RCPT]  # cleared at the provider
    drill.remedy("Mail is suppressed", DELIVERY_ID="d-1")
    drill.wait_for_statuses(suppressed=2, sent=1)
    assert len(relay.messages) == 1


@pytest.mark.drill("Unknown outcomes")
def test_unknown_outcomes(drill):
    script = {Stage.FINAL: Drop()}
    relay = drill.relay(script)
    drill.environment["MAIL_UNKNOWN_OUTCOME"] = "fail"
    drill.start()
    drill.publish(1)
    drill.wait_for_statuses(failed=1)
    finished = drill.wait_for_log("run_attempts", "attempt finished")
    assert finished["outcome_unknown"] is True
    drill.wait_for_metric("mail.delivery.failed", failure_code="outcome_unknown")
    drill.look("Unknown outcomes", DELIVERY_ID="d-1")
    assert drill.doctor("outcomes.unknown") == {"outcomes.unknown": "warning"}
    assert drill.query("Unknown outcomes")[0][:2] == ("d-1", "failed")

    del script[Stage.FINAL]
    drill.remedy("Unknown outcomes", DELIVERY_ID="d-1")
    drill.wait_for_statuses(failed=1, sent=1)
    assert len(relay.messages) == 2
    _an_hour_later()
    assert drill.doctor("outcomes.unknown") == {"outcomes.unknown": "ok"}


def _an_hour_later():
    """What is on record moves into the past by more than an hour."""
    Attempt.objects.exclude(finished_at=None).update(finished_at=long_ago(70))
