"""A login code is on no page, whether its mail waits or has ended."""

import pytest

from deliveries.console.secrecy import holds_login_code
from tests.console.scenery import LOGIN_CODE, RECIPIENT, SECRETS


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
class TestPages:
    @pytest.mark.parametrize("status", ["waiting", "dead_letter"])
    def test_no_page_shows_any_of_it(self, scene, running, sql, status):
        if status == "dead_letter":
            # ended, and its reason is what the relay said; its content is still in the table
            sql(
                "WITH ended AS (UPDATE deliveries SET status = 'dead_letter', finished_at = now(),"
                " next_attempt_at = NULL WHERE delivery_id = %s RETURNING *)"
                " INSERT INTO dead_letters (delivery_pk, failure_code, reason, attempt_count)"
                " SELECT id, 'timeout', last_provider_summary, 4 FROM ended",
                LOGIN_CODE,
            )
        admin = running.admin()
        paths = ["", f"deliveries/{LOGIN_CODE}/", f"deliveries/{LOGIN_CODE}/html/"]
        paths += [f"{r}/" for r in ("deliveries", "attempts", "dead-letters", "malformed-commands")]
        paths += [f"{r}/?q={RECIPIENT}" for r in ("deliveries", "attempts", "dead-letters")]
        paths += [f"malformed-commands/{number}/" for number in _keys(sql)]
        for path in paths:
            answer = admin.get(f"/admin/{path}")
            assert answer.status == (404 if path.endswith("html/") else 200), path
            assert not [secret for secret in SECRETS if secret in answer.text], path

    def test_its_page_tells_the_rest(self, scene, running):
        text = running.admin().get(f"/admin/deliveries/{LOGIN_CODE}/").text
        assert "The content of a login code is never shown." in text
        assert RECIPIENT in text
        assert "451 4.3.0 *** code *** not now" in text

    def test_its_template_hides_it_under_another_source_too(self, scene, running, sql):
        sql("UPDATE deliveries SET source = 'notification' WHERE delivery_id = %s", LOGIN_CODE)
        answer = running.admin().get(f"/admin/deliveries/{LOGIN_CODE}/")
        assert not [secret for secret in SECRETS if secret in answer.text]


@pytest.mark.parametrize(
    ("source", "template_id", "secret"),
    [
        ("authsession", None, True),
        ("authsession", "auth.login_code", True),
        ("notification", "auth.login_code", True),
        ("operator_resend", "auth.login_code", True),
        ("notification", "billing.receipt", False),
        ("notification", None, False),
    ],
)
def test_what_may_hold_a_code(source, template_id, secret):
    assert holds_login_code(source=source, template_id=template_id) is secret


def _keys(sql):
    return [key for (key,) in sql("SELECT id FROM malformed_commands")]
