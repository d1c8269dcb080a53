"""What the demo puts on the stream, and what it lets pass as success."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psycopg
import pytest

from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry
from deliveries.intake.rejection import Rejection
from deliveries.producer.entry import entry_fields
from mailproject.embedded.mailbox import CaughtMail, MailFolder
from mailproject.embedded.processes import is_running
from mailproject.embedded.progress import Fate, Reader, Wanted, summary, table
from mailproject.embedded.record import STATE, RunRecord
from mailproject.embedded.specimens import login_specimens, specimens
from tests.collector import Collector
from tests.stack.servers import CHECKOUT

GOOD = [specimen for specimen in specimens() if specimen.failure_code is None]
BROKEN = [specimen for specimen in specimens() if specimen.failure_code is not None]
MAIL = CaughtMail(
    file="0001-a.eml",
    received_at="2026-03-01T00:00:00+00:00",
    message_id="<1@x>",
    subject="",
    sender="",
    recipients=GOOD[0].recipients,
    tls="TLSv1.3",
    login="mailservice",
)


def wanted(specimen) -> Wanted:
    return Wanted(
        name=specimen.delivery_id,
        delivery_id=specimen.delivery_id,
        recipients=specimen.recipients,
        failure_code=specimen.failure_code,
        entry_id="1-0",
    )


FINE = Fate(wanted(GOOD[0]), state="sent", attempts=1, mails=(MAIL,))
REFUSED = Fate(wanted(BROKEN[0]), state=f"malformed: {BROKEN[0].failure_code}")


def entry(specimen) -> StreamEntry:
    fields = entry_fields(
        specimen.mail,
        idempotency_key=specimen.idempotency_key,
        delivery_id=specimen.delivery_id,
    )
    return StreamEntry("1-0", tuple((name.encode(), value) for name, value in fields.items()))


def test_a_dozen_good_commands_show_everything():
    assert len(GOOD) == 12
    assert len({specimen.delivery_id for specimen in specimens()}) == 13
    assert {specimen.mail.mode for specimen in GOOD} == {"rendered", "template"}
    payloads = [specimen.mail.payload() for specimen in GOOD]
    assert {"en", "de"} <= {payload.get("locale") for payload in payloads}
    assert any("attachments" in payload for payload in payloads)
    assert any(len(specimen.recipients) > 1 for specimen in GOOD)
    assert any("xn--" in recipient for specimen in GOOD for recipient in specimen.recipients)


@pytest.mark.parametrize("specimen", GOOD, ids=lambda specimen: specimen.delivery_id)
def test_a_good_command_is_one_to_the_service(specimen):
    command = parse_entry(entry=entry(specimen), max_payload_bytes=100_000)
    everyone = (*command.members.to, *command.members.cc, *command.members.bcc)
    assert tuple(mailbox.address for mailbox in everyone) == specimen.recipients


def test_the_broken_command_is_broken_as_it_says():
    (specimen,) = BROKEN
    with pytest.raises(Rejection) as caught:
        parse_entry(entry=entry(specimen), max_payload_bytes=100_000)
    assert caught.value.code == specimen.failure_code


def test_login_codes_come_in_both_locales_and_one_of_them_twice():
    asked = login_specimens()
    assert {specimen.login_code.locale for specimen in asked} == {"en", "de"}
    assert asked[-1].idempotency_key == asked[0].idempotency_key
    assert asked[-1].login_code == asked[0].login_code
    assert len({specimen.name for specimen in asked}) == len(asked)


@pytest.mark.parametrize("fate", [FINE, REFUSED], ids=["sent", "malformed"])
def test_what_is_as_it_should_be(fate):
    assert fate.is_final
    assert fate.problems() == []


@pytest.mark.parametrize(
    ("fate", "problem"),
    [
        (replace(FINE, state=""), "is not read, should be sent"),
        (replace(FINE, state="dead_letter"), "is dead_letter, should be sent"),
        (replace(FINE, mails=()), "0 mails"),
        (replace(FINE, mails=(MAIL, MAIL)), "2 mails"),
        (replace(FINE, mails=(replace(MAIL, tls=None),)), "without STARTTLS"),
        (replace(FINE, mails=(replace(MAIL, login=None),)), "or AUTH"),
        (replace(FINE, mails=(replace(MAIL, recipients=("x@y",)),)), "went to x@y"),
        (replace(REFUSED, state="sent"), "should be malformed: invalid_recipient"),
        (replace(REFUSED, state="malformed: missing_field"), "is malformed: missing_field"),
        (replace(REFUSED, mails=(MAIL,)), "1 mails"),
    ],
)
def test_what_is_not(fate, problem):
    (found, *_) = fate.problems()
    assert problem in found


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_comes_while_looking_is_not_missed(postgres_dsn):
    class Busy:
        """Right after this folder was read a mail comes in, and its delivery is sent."""

        def mails(self):
            with psycopg.connect(postgres_dsn) as connection:
                connection.execute(
                    "INSERT INTO mail.deliveries (delivery_id, source, payload_mode, status,"
                    " idempotency_key, fingerprint, message_id, requested_at, finished_at)"
                    " VALUES (%s, 'notification', 'rendered', 'sent', 'k', '', '', now(), now())",
                    [GOOD[0].delivery_id],
                )
            return []

    (fate,) = Reader(dsn=postgres_dsn, wanted=[wanted(GOOD[0])]).fates(Busy())
    assert not fate.is_final


def test_the_table_has_a_row_for_each_command():
    shown = table([FINE, REFUSED, Fate(wanted(GOOD[1]))], mail_folder=".run/mail").split("\n")
    assert shown[0].split() == ["command", "state", "attempts", "mail"]
    assert shown[2].split() == [GOOD[0].delivery_id, "sent", "1", ".run/mail/0001-a.eml"]
    assert shown[3].split()[1:] == ["malformed:", "invalid_recipient", "0", "-"]
    assert shown[4].split()[1:] == ["not", "read", "0", "-"]


def test_the_summary_counts():
    fates = [FINE, REFUSED, Fate(wanted(GOOD[1])), Fate(wanted(GOOD[2]), state="sending")]
    assert summary(fates) == "4 commands: 2 accepted, 1 malformed, 1 sent"


def embedded(what, folder, *more) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mailproject.embedded", what, "--folder", str(folder), *more],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until_it_runs(run):
    output = ""
    while "Everything runs" not in output:
        line = run.stdout.readline()
        assert line, output
        output += line


@pytest.mark.process
@pytest.mark.slow
def test_the_demo_shows_the_main_job(tmp_path):
    for _ in range(2):
        with embedded("demo", tmp_path / "run") as demo:
            output, _ = demo.communicate(timeout=120)
        assert demo.returncode == 0, output
        assert "all as it should be" in output
        assert len(MailFolder(tmp_path / "run" / "mail").mails()) == 14
        assert {path.name for path in (tmp_path / "run").iterdir()} == {"mail", STATE}


@pytest.mark.process
@pytest.mark.slow
def test_a_run_exports_where_it_is_told_to(tmp_path):
    with Collector() as collector:
        endpoint = f"http://127.0.0.1:{collector.port}"
        with embedded("run", tmp_path / "run", "--otlp", endpoint) as run:
            try:
                wait_until_it_runs(run)
                collector.wait_for(lambda: "mail.attempt_schedule.depth" in collector.metrics)
                shell = (tmp_path / "run" / "env").read_text()
                assert f"export OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}\n" in shell
            finally:
                run.send_signal(signal.SIGINT)
                run.communicate(timeout=60)


@pytest.mark.process
@pytest.mark.slow
def test_a_run_stays_up_until_it_is_asked_to_end_and_a_killed_one_is_cleaned_up(tmp_path):
    for number, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 0)):
        with embedded("run", tmp_path / "run") as run:
            wait_until_it_runs(run)
            left = RunRecord.load(tmp_path / "run").processes
            assert (tmp_path / "run" / "env").stat().st_mode & 0o077 == 0
            run.send_signal(number)
            run.communicate(timeout=60)
            assert run.returncode == status
    deadline = time.monotonic() + 30
    while any(is_running(started.process) for started in left) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(is_running(started.process) for started in left)
