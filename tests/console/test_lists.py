"""The lists: what they find, and that they turn their pages by key."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deliveries.console.lists.filters import first_key_since
from deliveries.console.lists.keyset import read_page
from deliveries.models import Delivery
from tests.console.scenery import DEAD, KEY, LOGIN_CODE, RECIPIENT, TRACE_ID, delivery

pytestmark = [
    pytest.mark.process,
    pytest.mark.servers,
    pytest.mark.django_db(transaction=True),
]

_LINK = re.compile(r'<td class="id"><a href="/admin/deliveries/([^/]+)/">')
_OLDER = re.compile(r'rel="next" href="([^"]+)"')
_NEWER = re.compile(r'rel="prev" href="([^"]+)"')


def found(answer):
    assert answer.status == 200
    return _LINK.findall(answer.text)


class TestSearch:
    @pytest.mark.parametrize(
        ("term", "expected"),
        [
            (DEAD, {DEAD}),
            (f" {DEAD} ", {DEAD}),
            (KEY, {DEAD}),
            (RECIPIENT, {DEAD, LOGIN_CODE}),
            ("grace.hopper@EXAMPLE.com", {DEAD, LOGIN_CODE}),
            ("alan@example.org", {DEAD}),  # in Cc
            (TRACE_ID, {DEAD}),
            (f"00-{TRACE_ID.upper()}-00f067aa0ba902b7-01", {DEAD}),
            ("no-such-thing", set()),
            ("' OR 1=1 --", set()),
            ("%00", set()),
            ("100%", set()),
        ],
    )
    def test_deliveries_by_id_key_recipient_or_trace(self, scene, running, term, expected):
        answer = running.admin().get(f"/admin/deliveries/?q={quote(term)}")
        assert set(found(answer)) == expected

    @pytest.mark.parametrize("term", [DEAD, KEY, RECIPIENT, TRACE_ID])
    def test_attempts_and_dead_letters_by_the_same(self, scene, running, term):
        admin = running.admin()
        attempts = found(admin.get(f"/admin/attempts/?q={term}"))
        assert attempts.count(DEAD) == 4
        assert set(attempts) <= {DEAD, LOGIN_CODE}
        assert found(admin.get(f"/admin/dead-letters/?q={term}")) == [DEAD]

    @pytest.mark.parametrize("term", ["broken-1", "1790000000001-0"])
    def test_malformed_commands_by_delivery_or_entry(self, scene, running, term):
        text = running.admin().get(f"/admin/malformed-commands/?q={term}").text
        assert re.findall(r"<code>(\w+)</code></td>", text) == ["template_not_found"]

    def test_search_and_filter_together(self, scene, running):
        admin = running.admin()
        query = f"/admin/deliveries/?q={RECIPIENT}&status="
        assert found(admin.get(f"{query}dead_letter")) == [DEAD]
        assert found(admin.get(f"{query}sent")) == []


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "condition"),
        [
            ("status=sent", "status = 'sent'"),
            ("status=dead_letter", "status = 'dead_letter'"),
            ("status=sending", "status = 'sending'"),
            ("source=authsession", "source = 'authsession'"),
            ("failure=tls_failed", "last_failure_code = 'tls_failed'"),
            (
                "status=dead_letter&failure=tls_failed",
                "status = 'dead_letter' AND last_failure_code = 'tls_failed'",
            ),
            ("since=1h", "created_at >= now() - interval '1 hour'"),
            (
                "since=24h&source=notification&status=failed",
                "created_at >= now() - interval '24 hours' AND source = 'notification'"
                " AND status = 'failed'",
            ),
            ("status=nonsense", "false"),
            ("status=", "true"),
        ],
    )
    def test_deliveries(self, day, running, sql, query, condition):
        shown = _walk(running.admin(), f"/admin/deliveries/?{query}")
        expected = sql(f"SELECT delivery_id FROM deliveries WHERE {condition} ORDER BY id DESC")
        assert shown == [row[0] for row in expected]

    @pytest.mark.parametrize(
        ("query", "condition"),
        [
            ("status=timed_out", "a.status = 'timed_out'"),
            ("unknown=True", "outcome_unknown"),
            ("phase=rcpt", "phase = 'rcpt'"),
            ("failure=connect_failed", "failure_code = 'connect_failed'"),
            (
                "status=transport_failed&since=7d&failure=connect_failed",
                "a.status = 'transport_failed' AND failure_code = 'connect_failed'",
            ),
        ],
    )
    def test_attempts(self, day, running, sql, query, condition):
        shown = _walk(running.admin(), f"/admin/attempts/?{query}")
        expected = sql(
            "SELECT delivery_id FROM attempts a JOIN deliveries d ON d.id = delivery_pk"
            f" WHERE {condition} ORDER BY a.id DESC"
        )
        assert shown == [row[0] for row in expected]

    def test_dead_letters(self, day, running, sql):
        shown = _walk(
            running.admin(), "/admin/dead-letters/?failure=auth_failed&source=notification"
        )
        expected = sql(
            "SELECT d.delivery_id FROM dead_letters x JOIN deliveries d ON d.id = delivery_pk WHERE"
            " failure_code = 'auth_failed' AND source = 'notification' ORDER BY delivery_pk DESC"
        )
        assert shown == [row[0] for row in expected]

    @pytest.mark.parametrize(
        "query",
        [
            "fingerprint=x",
            "deliverypayload__text_body__startswith=a",
            "last_provider_summary__regex=.",
            "o=1",
            "p=3",
            "all=",
            "before=x",
            "before=99999999999999999999999",
            "after=-1",
        ],
    )
    def test_nothing_but_the_filters_shown_is_looked_up(self, day, running, query):
        answer = running.admin().get(f"/admin/deliveries/?{query}")
        assert answer.status in {200, 400}
        if answer.status == 200:
            assert len(found(answer)) == 50


class TestPages:
    @pytest.mark.parametrize("query", ["", "?status=sent", "?status=dead_letter"])
    def test_back_and_forth_shows_the_same(self, day, running, query):
        admin = running.admin()
        first = admin.get(f"/admin/deliveries/{query}")
        older = _OLDER.search(first.text)
        if older is None:
            assert query == "?status=dead_letter"
            return
        second = admin.get(f"/admin/deliveries/{_unescaped(older)}")
        assert not set(found(second)) & set(found(first))
        newer = admin.get(f"/admin/deliveries/{_unescaped(_NEWER.search(second.text))}")
        assert found(newer) == found(first)

    def test_new_rows_move_nothing_on_an_older_page(self, day, running):
        admin = running.admin()
        older = _unescaped(_OLDER.search(admin.get("/admin/deliveries/").text))
        before = found(admin.get(f"/admin/deliveries/{older}"))
        _plain(60)
        assert found(admin.get(f"/admin/deliveries/{older}")) == before


class TestReadPage:
    """The paging itself, on small pages and windows."""

    @pytest.fixture(autouse=True)
    def rows(self, empty):
        _plain(23, rare={4, 5, 17})

    @pytest.mark.parametrize("backward_index", [False, True])
    @pytest.mark.parametrize("size", [1, 2, 22, 23, 24])
    def test_every_row_comes_once_on_the_way_down_and_up(self, size, backward_index):
        rows = Delivery.objects.all()
        pages, page = [], None
        key: dict = {}
        while page is None or page.older is not None:
            page = read_page(rows, everything=None, size=size, backward_index=backward_index, **key)
            pages.append([row.pk for row in page.rows])
            key = {"before": page.older}
        everything = list(rows.order_by("-pk").values_list("pk", flat=True))
        assert [pk for keys in pages for pk in keys] == everything
        upward = [pages[-1]]
        while page.newer is not None and len(upward) < len(pages):
            page = read_page(
                rows, everything=None, size=size, backward_index=backward_index, after=page.newer
            )
            upward.append([row.pk for row in page.rows])
        assert upward[::-1] == pages

    @pytest.mark.parametrize("window", [1, 3, 7, 100])
    def test_a_rare_row_is_found_however_narrow_the_window(self, window):
        rare = Delivery.objects.filter(source="authsession")
        keys, page, key, looks = [], None, {}, 0
        while page is None or page.older is not None:
            page = read_page(rare, everything=Delivery.objects.all(), size=2, window=window, **key)
            keys += [row.pk for row in page.rows]
            key, looks = {"before": page.older}, looks + 1
            assert page.looked_at in {0, window}
        assert keys == list(rare.order_by("-pk").values_list("pk", flat=True))
        assert looks >= 23 // window

    def test_no_count_and_no_offset_beyond_the_window(self):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            read_page(
                Delivery.objects.filter(source="authsession"),
                everything=Delivery.objects.all(),
                size=2,
                window=7,
                before=20,
            )
        statements = [query["sql"].upper() for query in queries]
        assert len(statements) == 2
        assert not any("COUNT(" in statement for statement in statements)
        assert [re.findall(r"OFFSET (\d+)", s) for s in statements] == [["6"], []]

    def test_the_first_key_since_a_moment_leaves_none_out(self):
        at = Delivery.objects.order_by("pk").values_list("pk", "created_at")[10]
        first = first_key_since(Delivery.objects.all(), "created_at", at[1])
        assert first <= at[0]
        assert first_key_since(Delivery.objects.none(), "created_at", at[1]) == 0


def _walk(admin, path):
    """All pages from the newest on, as a person would turn them."""
    base, shown = path.partition("?")[0], []
    while True:
        answer = admin.get(path)
        shown += found(answer)
        older = _OLDER.search(answer.text)
        if older is None:
            return shown
        path = base + _unescaped(older)


def _unescaped(match):
    return match.group(1).replace("&amp;", "&")


def _plain(count, *, rare=frozenset()):
    begun = timezone.now() - timedelta(hours=count)
    for number in range(count):
        at = begun + timedelta(hours=number)
        delivery(
            f"plain-{number}-{at:%f}",
            source="authsession" if number in rare else "notification",
            requested_at=at,
            created_at=at,
            finished_at=at,
        )
