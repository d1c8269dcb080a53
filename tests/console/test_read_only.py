"""Nothing can be changed here, whoever asks and however."""

import pytest
from django.db import InternalError

from deliveries.console.reading import bounded
from deliveries.models import Delivery
from tests.console.scenery import DEAD, SCENE_HOST

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

LISTS = ["deliveries", "attempts", "dead-letters", "malformed-commands"]
MODELS = ["delivery", "attempt", "deadletter", "malformedcommand", "deliverypayload", "hold"]
VERBS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
REFUSED = {403, 404, 405}


@pytest.fixture
def fingerprint(sql):
    """Of every row of every table but the session's and the front page's counts.

    And but the record that the web process keeps of itself, whatever is asked of it.
    """

    def take():
        tables = sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'mail'"
            " AND table_name NOT IN ('django_session', 'console_outcome_slices',"
            " 'console_outcome_counts')"
        )
        return {
            name: sql(
                f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t"
                f" WHERE {'host = %s' if name == 'workers' else 'true'}",
                *([SCENE_HOST] if name == "workers" else []),
            )
            for (name,) in tables
        }

    return take


@pytest.fixture
def unchanged(scene, running, fingerprint):
    admin = running.admin()
    before = fingerprint()
    assert before["deliveries"][0][0] > 0
    yield admin
    assert fingerprint() == before


def test_reading_every_page_changes_nothing(unchanged):
    pages = [f"/admin/{route}/" for route in LISTS]
    pages += ["/admin/", f"/admin/deliveries/{DEAD}/", f"/admin/deliveries/{DEAD}/html/"]
    assert {path: unchanged.get(path).status for path in pages} == dict.fromkeys(pages, 200)


@pytest.mark.parametrize("verb", VERBS)
def test_no_other_verb_is_taken(unchanged, verb):
    paths = ["", f"deliveries/{DEAD}/", f"deliveries/{DEAD}/html/", *(f"{r}/" for r in LISTS)]
    token = {"X-CSRFToken": unchanged.cookies["mail_admin_csrf"]}
    for path in paths:
        answer = unchanged.request(verb, f"/admin/{path}", body={"status": "sent"}, **token)
        assert answer.status == 405, path
        assert answer.header("Allow") == "GET, HEAD"


@pytest.mark.parametrize("route", [*LISTS, *(f"deliveries/{model}" for model in MODELS)])
def test_there_is_no_add_change_delete_or_history(unchanged, sql, route):
    ((pk,),) = sql("SELECT id FROM deliveries WHERE delivery_id = %s", DEAD)
    for key in (str(pk), DEAD):
        for action in ("add", f"{key}/change", f"{key}/delete", f"{key}/history", "delete"):
            path = f"/admin/{route}/{action}/"
            form = {"delivery_id": "x", "status": "sent", "post": "yes"}
            answers = [unchanged.get(path), unchanged.post(path, form)]
            assert {answer.status for answer in answers} <= REFUSED, path


@pytest.mark.parametrize("route", LISTS)
def test_no_action_and_no_edit_within_a_list(unchanged, sql, route):
    keys = [str(key) for (key,) in sql("SELECT id FROM deliveries LIMIT 5")]
    forms = [
        {"action": "delete_selected", "_selected_action": keys, "index": "0"},
        {"action": "delete_selected", "_selected_action": keys, "post": "yes"},
        {"_save": "Save", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": keys[0]},
    ]
    for form in forms:
        assert unchanged.post(f"/admin/{route}/", form).status == 405


@pytest.mark.parametrize(
    "path",
    [
        "password_change/",
        "autocomplete/?app_label=deliveries&model_name=attempt&field_name=delivery",
        "jsi18n/",
        "r/1/1/",
        "auth/user/",
        "auth/user/add/",
        "admin/logentry/",
        "deliveries/delivery/",
    ],
)
def test_what_django_offers_besides_is_not_there(unchanged, path):
    answers = [unchanged.get(f"/admin/{path}"), unchanged.post(f"/admin/{path}", {"password": "x"})]
    assert {answer.status for answer in answers} <= REFUSED


def test_the_pages_are_read_in_a_transaction_that_cannot_write(scene, admin_service):
    with pytest.raises(InternalError, match="read-only"), bounded():
        Delivery.objects.update(status="failed")
