"""What only the service can get wrong: a 500 that tells nothing, and a log that tells where."""

import json
import shutil
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings

from deliveries.models import Delivery


@contextmanager
def renamed(admin, what, *, to):
    """A schema that is not the service's: `what` is a table, or a column as `table.column`."""
    table, _, column = what.partition(".")
    there, back = (
        (f"RENAME COLUMN {column} TO {to}", f"RENAME COLUMN {to} TO {column}")
        if column
        else (f"RENAME TO {to}", f"RENAME TO {table}")
    )
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE mail.{table} {there}")
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE mail.{table if column else to} {back}")


def assert_told_nowhere(web, start, answer, *secrets):
    assert (answer.status, answer.code) == (500, "internal_error")
    assert answer.headers["Content-Type"] == "application/problem+json"
    lines = web.await_lines(start, 2)
    (failed,) = [line for line in lines if line["message"] == "a request failed"]
    assert failed["level"] == "error"
    assert failed["error"].startswith("ProgrammingError 42")
    assert failed["traceback"]
    log = web.process.output[start:]
    for secret in secrets:
        assert secret.encode() not in answer.body
        assert secret not in log


def test_a_post_that_fails_is_a_500_and_its_key_is_still_free(web, postgres_admin):
    start = len(web.process.output)
    with renamed(postgres_admin, "deliveries.message_id", to="gone"):
        answer = web.post_login_code(code="Qx7-LOGIN", key="k-secret")
    assert_told_nowhere(web, start, answer, "Qx7", "ada@example.org", "k-secret", "gone")
    assert not Delivery.objects.exists()
    assert web.post_login_code(code="Qx7-LOGIN", key="k-secret").status == 202


def test_a_read_that_fails_is_a_500(web, postgres_admin):
    start = len(web.process.output)
    with renamed(postgres_admin, "malformed_commands", to="gone"):
        answer = web.get("/malformed-commands")
    assert_told_nowhere(web, start, answer, "malformed_commands ", "gone")
    assert web.get("/malformed-commands").status == 200


@pytest.mark.process
def test_a_template_that_wants_more_than_a_login_code_has_refuses_it(own_web, tmp_path):
    """Known only when it is rendered: it is the caller who learns that nothing will be sent."""
    catalog = tmp_path / "templates"
    shutil.copytree(settings.MAIL.template_dir, catalog)
    manifest = catalog / "auth.login_code" / "template.json"
    declared = json.loads(manifest.read_text())
    declared["variables"]["required"].append("name")
    declared["examples"] = [{"name": "Ada", **example} for example in declared["examples"]]
    manifest.write_text(json.dumps(declared))
    for subject in catalog.glob("auth.login_code/*/subject.txt"):
        subject.write_text("For {{ name }}\n")
    web = own_web(MAIL_TEMPLATE_DIR=str(catalog))
    answer = web.post_login_code(code="Qx7-LOGIN")
    assert (answer.status, answer.code) == (422, "validation_failed")
    (error,) = answer.json["errors"]
    assert (error["field"], error["code"]) == ("", "template_variable_missing")
    assert b"Qx7" not in answer.body
    assert not Delivery.objects.exists()
