"""The whole way with real processes: stream, PostgreSQL, relay over STARTTLS."""

import json
import signal
from pathlib import Path

import pytest

from deliveries.models import Attempt, DeadLetter, Delivery, MalformedCommand, Worker
from tests.malformed_examples import PAYLOAD, TEMPLATE
from tests.relay import KEYWORDS, Authority, ByRecipient, ScriptedRelay, Stage, Stall, by_turn
from tests.stack.waiting import wait_until
from tests.system.conftest import statuses

pytestmark = [
    pytest.mark.process,
    pytest.mark.servers,
    pytest.mark.django_db(transaction=True),
]


def test_commands_become_mail_and_every_process_ends_cleanly(publish, start, tmp_path):
    authority = Authority(tmp_path)
    keywords = [*KEYWORDS, "STARTTLS"]
    with ScriptedRelay(keywords=keywords, context=authority.server_context()) as relay:
        processes = start(relay, MAIL_SMTP_TLS="starttls", MAIL_SMTP_CA_FILE=str(authority.ca_file))
        for number in range(20):
            publish(number)
        publish("t", payload={**TEMPLATE, "locale": "de-AT"})
        publish("bad", payload={**PAYLOAD, "to": ["?"]})
        wait_until(lambda: list(statuses().values()).count("sent") == 21)
        assert MalformedCommand.objects.get().failure_code == "invalid_recipient"
        assert len(relay.messages) == 21
        assert all(message.is_tls for message in relay.messages)
        assert all(b"Auto-Submitted: auto-generated" in got.content for got in relay.messages)
        stopped = {
            "consume_commands": "command consumer stopped",
            "run_scheduler": "scheduler stopped",
            "run_attempts": "attempt worker pool stopped",
        }
        for name, process in processes.items():
            process.signal(signal.SIGINT if name == "run_scheduler" else signal.SIGTERM)
        for name, process in processes.items():
            assert process.wait() == 0, process.output
            assert process.logged(stopped[name])
            assert "123456" not in process.output
            assert "ada@" not in process.output
    attempt = Attempt.objects.first()
    assert (attempt.status, attempt.phase, attempt.smtp_code) == (
        "provider_accepted",
        "final",
        250,
    )


def test_the_ladder_ends_in_a_dead_letter(publish, start):
    with ScriptedRelay({Stage.DATA: "451 4.3.0 later"}) as relay:
        processes = start(relay, MAIL_RETRY_LADDER="100ms,200ms,300ms")
        publish(1)
        wait_until(lambda: statuses() == {"d-1": "dead_letter"})
        processes["run_attempts"].wait_for_log("delivery dead-lettered")
        assert len(processes["run_attempts"].logged("retry scheduled")) == 3
    assert Attempt.objects.count() == 4
    assert DeadLetter.objects.get().reason == "451 4.3.0 later"


def test_recipients_end_each_in_their_own_way(publish, start):
    later = by_turn("250 ok", "450 4.2.0 later", "250 ok", "250 ok")
    refused = ByRecipient({"c@x.org": "550 5.1.1 gone"}, others=later)
    with ScriptedRelay({Stage.RCPT: refused}) as relay:
        start(relay, MAIL_RETRY_LADDER="100ms")
        publish(1, payload={**PAYLOAD, "to": ["a@x.org", "b@x.org"], "bcc": ["c@x.org"]})
        wait_until(lambda: statuses() == {"d-1": "sent"})
        first, second = relay.messages
        assert first.recipients == ("RCPT TO:<a@x.org>",)
        assert second.recipients == ("RCPT TO:<b@x.org>",)
        assert not any(b"c@x.org" in got.content for got in relay.messages)
    delivery = Delivery.objects.get()
    assert delivery.recipients_accepted == 2
    assert [r["address"] for r in delivery.recipients_refused] == ["c@x.org"]


def test_a_suppressing_relay(publish, start):
    with ScriptedRelay({Stage.RCPT: "550 5.7.1 on our Suppression list"}) as relay:
        start(relay)
        publish(1)
        wait_until(lambda: statuses() == {"d-1": "suppressed"})
    assert Attempt.objects.get().failure_code == "suppressed_by_provider"


def test_the_stub_sends_nothing(publish, start):
    with ScriptedRelay() as relay:
        start(relay, MAIL_SMTP_MODE="stub")
        publish(1)
        wait_until(lambda: statuses() == {"d-1": "sent"})
        assert relay.dialogues == []


def test_a_command_past_its_expiry_fails_unsent(publish, start):
    with ScriptedRelay() as relay:
        start(relay)
        publish(1, payload={**PAYLOAD, "expires_at": "2020-01-01T00:00:00Z"})
        wait_until(lambda: statuses() == {"d-1": "failed"})
        assert relay.messages == []
    assert Delivery.objects.get().last_failure_code == "expired"


def test_shutdown_gives_back_what_is_not_written_and_records_what_is(publish, start):
    with ScriptedRelay({Stage.MAIL: Stall()}) as relay:
        processes = start(relay, MAIL_SHUTDOWN_TIMEOUT="4s")
        publish(1)
        assert relay.wait_until_reached(Stage.MAIL)
        # or what is given back would be handed out again at once
        assert processes["run_scheduler"].stop() == 0
        assert processes["run_attempts"].stop() == 0
    assert statuses() == {"d-1": "queued"}
    assert Attempt.objects.count() == 0


def test_shutdown_records_an_unknown_outcome(publish, start):
    with ScriptedRelay({Stage.FINAL: Stall()}) as relay:
        processes = start(relay, MAIL_SHUTDOWN_TIMEOUT="4s")
        publish(1)
        wait_until(lambda: relay.messages)
        assert processes["run_attempts"].stop() == 0
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.failure_code) == ("timed_out", "timeout")
    assert attempt.outcome_unknown
    assert statuses() == {"d-1": "queued"}


def test_a_killed_worker_is_recovered(publish, start):
    with ScriptedRelay({Stage.MAIL: by_turn(Stall(), "250 ok")}) as relay:
        processes = start(
            relay, MAIL_WORKER_LEASE="3s", MAIL_RETRY_LADDER="100ms", MAIL_SMTP_TIMEOUT="20s"
        )
        publish(1)
        assert relay.wait_until_reached(Stage.MAIL)
        processes["run_attempts"].kill()
        start(relay, ["run_attempts"], MAIL_WORKER_LEASE="3s")
        wait_until(lambda: statuses() == {"d-1": "sent"})
    lost, sent = Attempt.objects.order_by("attempt_no")
    assert (lost.failure_code, lost.outcome_unknown) == ("worker_lost", True)
    assert sent.status == "provider_accepted"


def test_two_of_each_hand_nothing_out_twice(publish, start):
    with ScriptedRelay() as relay:
        start(relay)
        start(relay)
        for number in range(200):
            publish(number)
        wait_until(lambda: list(statuses().values()).count("sent") == 200)
        assert len(relay.messages) == 200
    assert Attempt.objects.count() == 200
    assert Worker.objects.exclude(type="web").count() == 6


@pytest.mark.parametrize("command", ["consume_commands", "run_scheduler", "run_attempts"])
class TestStartUp:
    @pytest.mark.parametrize(
        ("overrides", "status", "says"),
        [
            ({"MAIL_SMTP_MODE": "post"}, 78, "MAIL_SMTP_MODE"),
            ({"MAIL_REDIS_MASTER_ADDR": "127.0.0.1:1"}, 69, "Redis at 127.0.0.1:1"),
            (
                {"MAIL_POSTGRES_PRIMARY_DSN": "postgresql://u:hush@127.0.0.1:1/mail"},
                69,
                "PostgreSQL at 127.0.0.1",
            ),
        ],
    )
    def test_fails_fast_with_one_clear_line(self, service, command, overrides, status, says):
        process = service.start(command, overrides=overrides)
        assert process.wait() == status
        assert says in process.output
        assert "Traceback" not in process.output
        assert "hush" not in process.output

    def test_a_broken_catalog(self, service, command, tmp_path):
        folder = tmp_path / "auth.login_code" / "en"
        folder.mkdir(parents=True)
        (folder / "subject.txt").write_text("{{ code")
        process = service.start(command, overrides={"MAIL_TEMPLATE_DIR": str(tmp_path)})
        assert process.wait() == 78
        assert "auth.login_code/en/subject.txt:1" in process.output
        assert "Traceback" not in process.output


def test_memory_and_idle(service, start, publish):
    """Each process stays well below its bound after work, a large entry included."""
    with ScriptedRelay() as relay:
        processes = start(relay)
        publish("huge", payload=b'"' + b"x" * 40_000_000 + b'"')
        for number in range(12):
            publish(number, payload={**PAYLOAD, "text_body": "line of text\n" * 300_000})
        wait_until(lambda: list(statuses().values()).count("sent") == 12, seconds=60)
        peaks = {name: _peak_kilobytes(process.pid) for name, process in processes.items()}
    assert peaks["consume_commands"] < 256 * 1024, json.dumps(peaks)
    assert peaks["run_scheduler"] < 150 * 1024, json.dumps(peaks)
    assert peaks["run_attempts"] < 150 * 1024, json.dumps(peaks)


def _peak_kilobytes(pid):
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
