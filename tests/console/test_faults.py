"""What the pages say when the database is slow or away, and that the log stays discreet."""

import time

import psycopg
import pytest
from django.db import connection

from tests.console.client import Client
from tests.console.scenery import DEAD, KEY, RECIPIENT

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("path", ["deliveries/", "attempts/", f"deliveries/{DEAD}/", ""])
def test_a_read_that_takes_too_long_is_given_up_and_said_to_be(
    scene, running, postgres_admin, path
):
    admin = running.admin()
    with psycopg.connect(postgres_admin, options="-csearch_path=mail") as link:
        link.execute("LOCK TABLE deliveries, attempts IN ACCESS EXCLUSIVE MODE")
        answer = admin.get(f"/admin/{path}")
    assert answer.status == 503
    assert "This took too long" in answer.text
    assert admin.get(f"/admin/{path}").status == 200


def test_a_session_that_is_terminated_is_replaced(scene, running, sql):
    admin = running.admin()
    sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'mail-service' AND pid <> %s",
        connection.connection.info.backend_pid,
    )
    assert admin.get("/admin/deliveries/").status == 200


def test_what_was_searched_for_is_in_no_log(scene, running, servers):
    admin: Client = running.admin()
    for term in (RECIPIENT, KEY):
        admin.get(f"/admin/deliveries/?q={term}")
    time.sleep(0.2)  # the access line is written after the answer
    logs = [
        log.read_text("utf-8", "replace") for log in servers.folder.path.glob("logs/*serve.log")
    ]
    assert any("/admin/deliveries/" in log for log in logs)
    assert not any(RECIPIENT in log or KEY in log for log in logs)


def test_no_permission_is_a_page(scene, running, sql):
    admin = running.admin(fresh=True)
    try:
        sql("UPDATE auth_user SET is_superuser = false")
        answer = admin.get("/admin/attempts/")
        assert (answer.status, "may not see this" in answer.text) == (403, True)
    finally:
        sql("UPDATE auth_user SET is_superuser = true")
