"""doctor as an operator runs it."""

import json

import pytest

from deliveries.diagnosis.checks import CHECKS, PARTS, STANDS_ON
from deliveries.models import Hold
from tests.diagnosis.records import dead_letter

database = pytest.mark.django_db(transaction=True)


@pytest.fixture
def examine(manage, redis_client):
    def examine(*arguments):
        status, out, _ = manage("doctor", "--json", *arguments)
        found = json.loads(out)
        return status, found["level"], {check["id"]: check for check in found["checks"]}

    return examine


@database
def test_every_check_has_its_line(manage, redis_client):
    status, out, err = manage("doctor")
    assert status == 1  # no process runs here
    assert err == ""
    lines = [line for line in out.splitlines() if not line.lstrip().startswith("->")]
    assert [line.split()[1] for line in lines[:-1]] == [check.id for check in CHECKS]
    assert all(line.split()[0] in {"ok", "warning", "failed"} for line in lines[:-1])
    assert "6 failed. Begin with processes.web: " in lines[-1]
    assert "schema.migrations      Migrations: all applied" in out


@database
def test_for_scripts(examine):
    status, level, checks = examine()
    assert (status, level) == (1, "failed")
    assert set(checks) == {check.id for check in CHECKS}
    assert checks["processes.scheduler"]["level"] == "failed"
    assert checks["schema.migrations"] == {
        "id": "schema.migrations",
        "title": "Migrations",
        "level": "ok",
        "seen": "all applied",
        "advice": None,
        "runbook": None,
        "figures": {},
    }


@database
def test_only_what_is_asked_for(examine):
    status, level, checks = examine("--only", "schema", "--only", "schedule.holds")
    assert (status, level) == (0, "ok")
    assert set(checks) == {
        *("schema.exists", "schema.migrations", "schema.due_index", "schedule.holds")
    }


@database
def test_what_is_wrong_leads_into_the_runbook(manage, examine):
    _, out, _ = manage("doctor", "--only", "processes.scheduler")
    seen, advice, counts = out.splitlines()
    assert seen.startswith("failed   processes.scheduler")
    assert advice.endswith("Runbook: No scheduler.")
    assert counts == (
        "0 ok, 0 warning, 1 failed."
        " Begin with processes.scheduler: “No scheduler” in docs/runbook.md."
    )
    _, _, checks = examine("--only", "processes.scheduler")
    assert checks["processes.scheduler"]["runbook"] == "No scheduler"


@database
def test_a_warning_alone_is_no_failure(examine):
    Hold.objects.create(source="notification", reason="relay moves")
    status, level, checks = examine("--only", "schedule.holds")
    assert (status, level) == (0, "warning")
    assert "manage.py release --source notification" in checks["schedule.holds"]["advice"]


@database
def test_no_address_is_shown(manage, redis_client):
    dead_letter("550 5.1.1 <ada@example.org> gone", code="permanent_reply")
    _, out, _ = manage("doctor", "--only", "outcomes")
    assert "permanent_reply" in out
    assert "ada@" not in out


def test_the_checks_are_listed_without_a_server(manage):
    status, out, _ = manage("doctor", "--list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [check.id for check in CHECKS]


def test_an_unknown_check_is_told(manage):
    status, _, err = manage("doctor", "--only", "weather")
    assert status == 2
    assert "no check is named weather" in err


def test_the_table_is_whole():
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {part for check in CHECKS for part in check.needs} == set(PARTS)
    assert set(STANDS_ON) <= set(PARTS)


def test_help_names_the_exit_statuses(manage):
    status, out, _ = manage("doctor", "--help")
    assert status == 0
    assert "something failed" in out


@pytest.mark.process
@database
class TestServersAway:
    @pytest.fixture
    def outcome(self, service):
        def outcome(**overrides):
            process = service.start("doctor", "--json", overrides=overrides)
            status = process.wait()
            assert "Traceback" not in process.output
            assert "hush" not in process.output
            (line,) = process.output.splitlines()
            return status, {check["id"]: check for check in json.loads(line)["checks"]}

        return outcome

    def test_checks_that_were_not_made_are_one_line(self, service):
        dsn = "postgresql://u:hush@127.0.0.1:1/mail"
        process = service.start("doctor", overrides={"MAIL_POSTGRES_PRIMARY_DSN": dsn})
        assert process.wait() == 1
        away = "PostgreSQL does not answer (OperationalError: connection refused)"
        lines = process.output.splitlines()
        (seen,) = [line for line in lines if line.startswith("failed   postgres.answers")]
        assert seen.endswith(away)
        (not_made,) = [line for line in lines if "not looked at" in line]
        assert f"checks not looked at: {away}: postgres.writable," in not_made
        assert "retention.lag" in not_made
        assert lines[-1].endswith(
            "Begin with postgres.answers: “PostgreSQL is away” in docs/runbook.md."
        )

    def test_redis(self, outcome):
        status, checks = outcome(MAIL_REDIS_MASTER_ADDR="127.0.0.1:1")
        assert status == 1
        assert checks["redis.answers"]["level"] == "failed"
        assert checks["redis.role"]["level"] == "warning"
        assert checks["stream.lag"]["seen"].startswith("not looked at")
        assert checks["schema.migrations"]["level"] == "ok"

    def test_postgres(self, outcome):
        dsn = "postgresql://u:hush@127.0.0.1:1/mail"
        status, checks = outcome(MAIL_POSTGRES_PRIMARY_DSN=dsn)
        assert status == 1
        assert checks["postgres.answers"]["level"] == "failed"
        assert checks["processes.consumer"]["seen"].startswith("not looked at")
        assert checks["redis.answers"]["level"] == "ok"

    def test_a_wrong_configuration_ends_with_78(self, service):
        process = service.start("doctor", overrides={"MAIL_SMTP_MODE": "post"})
        assert process.wait() == 78
        assert "MAIL_SMTP_MODE" in process.output
        assert "Traceback" not in process.output
