"""The runbook is held to the code: commands, flags, checks, metrics, log lines, variables, SQL."""

import re
import shlex
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command, load_command_class
from django.db import connection, transaction

import deliveries
from deliveries.conf.variables import VARIABLES
from deliveries.diagnosis.checks import CHECKS
from deliveries.telemetry.metrics import METRICS
from mailproject.embedded.__main__ import make_parser as make_stack_parser
from tests import runbook
from tests.collector.__main__ import make_parser as make_collector_parser
from tests.conf.environment import load_with
from tests.relay.__main__ import make_parser
from tests.way import make_parser as make_way_parser

TEXT = runbook.text()
INCIDENTS = runbook.incidents()
WORDS = {
    "DELIVERY_ID": "d-1",
    "SOURCE": "notification",
    "ENTRY_ID": "1772438400000-0",
    "CORRECTED": "corrected.json",
    "COMMAND": "command.json",
}
DJANGOS_OWN = {"check", "shell"}
COMMANDS = [argv for argv in runbook.commands(TEXT, **WORDS) if argv[0] not in DJANGOS_OWN]
# the longest whole lines that processes log, as the runbook quotes them
QUOTED = re.compile(r"`([a-zA-Z][a-zA-Z ,-]* [a-zA-Z ,-]*)`")
SOURCE = "\n".join(
    path.read_text("utf-8") for path in Path(deliveries.__file__).parent.rglob("*.py")
)


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_every_command_and_every_flag_exists(argv):
    command = load_command_class("deliveries", argv[0])
    parser = command.create_parser("manage.py", argv[0])
    parser.parse_args(argv[1:])


@pytest.mark.parametrize(
    "argv",
    runbook.commands(TEXT, program=["python", "-m", "tests.relay"]),
    ids=" ".join,
)
def test_every_relay_to_practice_with_can_be_made(argv):
    options = make_parser().parse_args(argv)
    assert options.port == 2525


def test_every_collector_stack_and_way_to_practise_with_can_be_made():
    (collector,) = runbook.commands(TEXT, program=[".venv/bin/python", "-m", "tests.collector"])
    port = make_collector_parser().parse_args(collector).port
    (run,) = runbook.commands(TEXT, program=["make", "run"])
    (arguments,) = [word.removeprefix("ARGS=") for word in run]
    options = make_stack_parser().parse_args(["run", *shlex.split(arguments)])
    assert options.otlp == f"http://127.0.0.1:{port}"
    ways = runbook.commands(TEXT, program=["python", "-m", "tests.way"])
    taken = [make_way_parser().parse_args([*argv[:-1], "127.0.0.1:1"]).port for argv in ways]
    assert len(taken) == 2
    assert all(f":{port}" in TEXT.replace(f"--port {port}", "") for port in taken)


def test_every_value_that_is_set_is_valid():
    lines = [line for block in runbook.blocks("sh", TEXT) for line in block.splitlines()]
    given = [
        dict(re.findall(r"\b((?:MAIL|OTEL)_[A-Z_]+)=(\S*)", line))
        for line in lines
        if "=$" not in line.replace('"', "")
    ]
    assert sum(map(len, given)) > 15
    for changes in filter(None, given):
        alone = {name: value for name, value in changes.items() if value}
        load_with({"MAIL_SMTP_PASSWORD": "p", "MAIL_SMTP_USERNAME": "u", **alone})


@pytest.mark.django_db(transaction=True)
def test_every_line_of_python_runs(redis_client):
    lines = [argv[-1] for argv in runbook.commands(TEXT) if argv[0] == "shell"]
    assert len(lines) == 3
    stream = settings.MAIL.redis_command_stream
    redis_client.xadd(stream, {"delivery_id": "old"})
    for line in lines:
        here = line.replace("mail:delivery_commands", stream).replace("sleep(25)", "sleep(0)")
        call_command("shell", verbosity=0, command=here)
        connection.rollback()
        transaction.set_autocommit(True)
    assert [entry_id for entry_id, _ in redis_client.xrange(stream)] == [b"1-0"]


def test_every_incident_can_be_practised():
    practice = TEXT.partition("\n## Practice\n")[2]
    assert set(re.findall(r"\*\*([A-Z][A-Za-z ]+)\.?\*\*", practice)) == set(INCIDENTS)


def test_every_check_is_described_in_its_order():
    table = TEXT.partition("### What doctor checks")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE) == [check.id for check in CHECKS]


def test_every_check_leads_to_a_heading_and_to_every_incident_one_leads():
    named = {check.runbook for check in CHECKS}
    # what a verdict or an error leads to in place of its check
    named |= set(re.findall(r'(?:\.under\(|^    runbook = )"([^"]+)"', SOURCE, re.MULTILINE))
    headings = set(re.findall(r"^###? (.+)$", TEXT, re.MULTILINE))
    assert named <= headings
    assert set(INCIDENTS) <= named


def test_every_check_that_is_asked_for_exists():
    ids = {check.id for check in CHECKS}
    groups = {id.partition(".")[0] for id in ids}  # noqa: A001 - it is one
    assert set(re.findall(r"--only ([a-z_.]+)", TEXT)) <= ids | groups


def test_every_metric_exists():
    named = {
        name
        for name in re.findall(r"`(mail\.[a-z_.]+)`", TEXT)
        if not name.startswith(("mail.workers", "mail.E", "mail.W"))
    }
    assert named
    assert named <= {metric.name for metric in METRICS}


def test_every_variable_exists():
    known = {variable.name for variable in VARIABLES}
    named = set(re.findall(r"\b((?:MAIL|OTEL)_[A-Z_]+)\b", TEXT))
    # the libraries' own
    assert named - known <= {"OTEL_EXPORTER_OTLP_HEADERS"}


def test_every_quoted_log_line_is_written_by_the_code():
    logged = {line for line in QUOTED.findall(TEXT) if "make " not in line}
    assert len(logged) > 10
    for line in logged - {"appendonly yes", "maxmemory-policy noeviction"}:
        wording = re.sub(r" (?:started|stopped)$", "", line)
        assert f'"{wording}"' in SOURCE or f'"{line}"' in SOURCE, line


@pytest.mark.django_db(transaction=True)
def test_every_query_runs():
    found = runbook.blocks("sql", TEXT)
    assert found
    with connection.cursor() as cursor:
        for block in found:
            for statement in filter(str.strip, block.replace("PID", "0").split(";")):
                cursor.execute(statement)


@pytest.mark.parametrize("incident", INCIDENTS.values(), ids=INCIDENTS)
def test_every_incident_is_whole(incident):
    assert incident.symptom.strip()
    assert runbook.commands(incident.checks), "no check that is a command"
    assert runbook.blocks("sh", incident.remedy) or runbook.blocks("sql", incident.remedy)
    # what doctor names it by
    asked = [argv for argv in runbook.commands(incident.checks) if argv[0] == "doctor"]
    assert asked


def test_every_incident_is_found_by_what_is_seen():
    table = TEXT.partition("\n## Incidents\n")[2].partition("\n### ")[0]
    linked = set(re.findall(r"\[([^\]]+)\]\(#", table))
    assert linked == set(INCIDENTS)


def test_every_incident_has_its_drill():
    drills = (Path(__file__).parent / "drills").glob("test_*.py")
    drilled = {
        title
        for path in drills
        for title in re.findall(r'mark\.drill\(\s*"([^"]+)"', path.read_text("utf-8"))
    }
    assert drilled == set(INCIDENTS)
