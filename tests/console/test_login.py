"""Who gets in, how often one may try, and what the cookies are like."""

import pytest

from tests.console.client import ADMIN, PASSWORD
from tests.console.scenery import DEAD

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

SESSION, CSRF = "mail_admin_session", "mail_admin_csrf"


@pytest.fixture
def clerk(admin_service, sql):
    """An account that works and is no staff."""
    sql("DELETE FROM auth_user WHERE username = 'clerk'")
    sql(
        "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,"
        " is_staff, is_active, date_joined) SELECT password, false, 'clerk', '', '', '', false,"
        " true, now() FROM auth_user WHERE username = %s",
        ADMIN,
    )
    yield "clerk"
    sql("DELETE FROM auth_user WHERE username = 'clerk'")


@pytest.mark.parametrize("path", ["", "deliveries/", f"deliveries/{DEAD}/", "attempts/", "nothing"])
def test_a_stranger_is_sent_to_the_login(scene, running, path):
    answer = running.client().get(f"/admin/{path}")
    assert answer.status == 302
    assert answer.header("Location").startswith("/admin/login/")
    assert DEAD not in answer.text


def test_the_right_password_leads_to_where_one_was_going(empty, running):
    answer = running.client().log_in(ADMIN, PASSWORD, then="/admin/attempts/")
    assert (answer.status, answer.header("Location")) == (302, "/admin/attempts/")


def test_it_leads_nowhere_else(empty, running):
    answer = running.client().log_in(ADMIN, PASSWORD, then="https://evil.example/")
    assert (answer.status, answer.header("Location")) == (302, "/admin/")


def test_a_wrong_password_an_unknown_name_and_no_staff_sound_alike(empty, running, clerk):
    wrong = [(ADMIN, "nonsense"), ("nobody", PASSWORD), (clerk, PASSWORD)]
    answers = [running.client().log_in(*pair) for pair in wrong]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert all("Please enter the correct username and password" in a.text for a in answers)
    assert all(SESSION not in answer.set_cookies for answer in answers)


def test_a_form_without_its_token_is_refused(empty, running):
    client = running.client()
    client.get("/admin/login/")
    form = {"username": ADMIN, "password": PASSWORD}
    assert client.request("POST", "/admin/login/", body=form).status == 403


def test_after_ten_tries_the_right_password_is_not_looked_at_either(empty, running):
    for _ in range(10):
        assert running.client().log_in(ADMIN, "guess").status == 200
    answer = running.client().log_in(ADMIN, PASSWORD)
    assert answer.status == 429
    assert int(answer.header("Retry-After")) > 0
    assert "Too many tries" in answer.text
    assert SESSION not in answer.set_cookies


def test_names_are_counted_whatever_their_case(empty, running, sql):
    running.client().log_in(ADMIN.upper(), "guess")
    sql("UPDATE console_login_tries SET tries = 10")
    assert running.client().log_in(f" {ADMIN}", "guess").status == 429


def test_another_account_is_not_kept_out(empty, running, sql):
    running.client().log_in("somebody", "guess")
    sql("UPDATE console_login_tries SET tries = 10")
    assert running.client().log_in("somebody", "guess").status == 429
    assert running.client().log_in(ADMIN, PASSWORD).status == 302


def test_a_success_ends_the_count(empty, running, sql):
    running.client().log_in(ADMIN, "guess")
    sql("UPDATE console_login_tries SET tries = 9")
    assert running.client().log_in(ADMIN, PASSWORD).status == 302
    assert running.client().log_in(ADMIN, "guess").status == 200


def test_the_count_ends_with_its_window(empty, running, sql):
    running.client().log_in(ADMIN, "guess")
    sql("UPDATE console_login_tries SET tries = 10")
    assert running.client().log_in(ADMIN, PASSWORD).status == 429
    sql("UPDATE console_login_tries SET since = since - interval '16 minutes'")
    assert running.client().log_in(ADMIN, PASSWORD).status == 302


def test_one_address_cannot_try_many_names(empty, running, sql):
    running.client().log_in("first", "guess")
    sql("UPDATE console_login_tries SET tries = 50 WHERE tries = 1")
    assert running.client().log_in("another name", "guess").status == 429


def test_what_was_typed_is_neither_kept_nor_logged(empty, running, sql, servers):
    typed = "my-password-in-the-wrong-field"
    running.client().log_in(typed, "guess")
    kept = sql("SELECT encode(key, 'escape') FROM console_login_tries")
    assert len(kept) == 2
    assert typed not in str(kept)
    logs = servers.folder.subfolder("logs").glob("*.log")
    assert not any(typed in log.read_text("utf-8", "replace") for log in logs)


def test_old_sessions_and_windows_leave_at_a_login(empty, running, sql):
    old = running.admin(fresh=True).cookies[SESSION]
    running.client().log_in("somebody", "guess")
    sql(
        "UPDATE django_session SET expire_date = now() - interval '1 day' WHERE session_key = %s",
        old,
    )
    sql("UPDATE console_login_tries SET since = since - interval '1 day'")
    running.admin(fresh=True)
    assert sql("SELECT count(*) FROM django_session WHERE session_key = %s", old) == [(0,)]
    assert sql("SELECT count(*) FROM console_login_tries WHERE since < now() - interval '1 h'") == [
        (0,)
    ]


def test_the_cookies_go_to_the_admin_only_and_never_to_a_script(empty, running):
    client = running.client()
    cookies = client.get("/admin/login/").set_cookies | client.log_in(ADMIN, PASSWORD).set_cookies
    assert set(cookies) == {SESSION, CSRF}
    for line in cookies.values():
        parts = {part.strip() for part in line.split(";")}
        assert {"HttpOnly", "Path=/admin/", "SameSite=Strict"} <= parts
    assert "Max-Age" not in cookies[SESSION]  # it ends with the browser


def test_behind_tls_the_cookies_are_for_tls(empty, running):
    answer = running.client().get("/admin/login/", **{"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.set_cookies[CSRF]


def test_logging_out_ends_the_session_on_the_server_too(empty, running):
    client = running.admin(fresh=True)
    kept = dict(client.cookies)
    assert client.get("/admin/logout/").status == 405
    assert client.post("/admin/logout/").status == 200
    client.cookies = kept
    assert client.get("/admin/").status == 302


def test_an_account_that_is_closed_is_out_at_once(empty, running, sql):
    client = running.admin(fresh=True)
    try:
        sql("UPDATE auth_user SET is_staff = false")
        assert client.get("/admin/").status == 302
    finally:
        sql("UPDATE auth_user SET is_staff = true")


def test_staff_without_a_permission_sees_no_list(scene, running, sql):
    client = running.admin(fresh=True)
    try:
        sql("UPDATE auth_user SET is_superuser = false")
        assert client.get("/admin/deliveries/").status == 403
        assert client.get(f"/admin/deliveries/{DEAD}/").status == 403
        assert client.get(f"/admin/deliveries/{DEAD}/html/").status == 403
        assert client.get("/admin/malformed-commands/1/").status == 403
    finally:
        sql("UPDATE auth_user SET is_superuser = true")
