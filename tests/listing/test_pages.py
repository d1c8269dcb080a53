"""The lists on a real PostgreSQL: each filter, each page, and the bound."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import psycopg
import pytest
from django.db import connection

from deliveries.listing.cursors import InvalidCursorError
from deliveries.listing.filters import Filters
from deliveries.listing.pages import (
    ReadTooLongError,
    bounded,
    find_delivery,
    list_attempts,
    list_dead_letters,
    list_deliveries,
    list_malformed_commands,
)
from deliveries.models import (
    Attempt,
    DeadLetter,
    Delivery,
    DeliveryPayload,
    IdempotencyReservation,
    MalformedCommand,
)
from deliveries.states import DeliveryStatus, Source

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def ids(**filters):
    found = list_deliveries(filters=Filters(**filters), limit=200)
    assert found.next_cursor is None
    return [item["delivery_id"] for item in found.items]


def walk(read, limit):
    """Every item of a list, page by page."""
    cursor, items = None, []
    while True:
        page = read(limit=limit, cursor=cursor)
        items += page.items
        if page.next_cursor is None:
            return items
        assert len(page.items) == limit
        cursor = page.next_cursor


class TestDeliveries:
    def test_newest_first_page_by_page(self, deliver):
        for number in range(7):
            deliver(f"d-{number}")
        for limit in (1, 3, 7, 8):
            items = walk(lambda **page: list_deliveries(filters=Filters(), **page), limit)
            assert [item["delivery_id"] for item in items] == [f"d-{n}" for n in range(6, -1, -1)]

    def test_what_comes_meanwhile_moves_no_page(self, deliver):
        for number in range(4):
            deliver(f"d-{number}")
        first = list_deliveries(filters=Filters(), limit=2)
        deliver("d-new")
        second = list_deliveries(filters=Filters(), limit=2, cursor=first.next_cursor)
        assert [item["delivery_id"] for item in second.items] == ["d-1", "d-0"]

    @pytest.mark.parametrize("status", DeliveryStatus)
    def test_by_status(self, deliver, status):
        for one in DeliveryStatus:
            row = deliver(f"{one}-1", columns={"status": one.value})
            deliver(f"{one}-2", columns={"status": one.value})
            if one is DeliveryStatus.SENDING:
                for pk in (row.pk, row.pk + 1):
                    Attempt.objects.create(
                        delivery_id=pk,
                        attempt_no=1,
                        lane=2,
                        status="scheduled",
                        scheduled_for=NOW,
                    )
        assert ids(status=status) == [f"{status}-2", f"{status}-1"]
        items = walk(lambda **page: list_deliveries(filters=Filters(status=status), **page), 1)
        assert [item["status"] for item in items] == [status, status]

    def test_by_source_template_and_failure(self, deliver):
        deliver("login", source=Source.AUTHSESSION)
        deliver("receipt", columns={"template_id": "billing.receipt"})
        deliver("failed", columns={"status": "failed", "last_failure_code": "expired"})
        assert ids(source=Source.AUTHSESSION) == ["login"]
        assert ids(template_id="billing.receipt") == ["receipt"]
        assert ids(status=DeliveryStatus.FAILED, failure_code="expired") == ["failed"]
        assert ids(status=DeliveryStatus.FAILED, failure_code="cancelled") == []
        assert ids(finished_after=NOW - HOUR) == ["failed"]

    def test_by_key(self, deliver):
        deliver("d-1", key="same")
        deliver("d-2", key="same")
        deliver("d-3", key="other")
        assert ids(idempotency_key="same") == ["d-2", "d-1"]
        assert ids(idempotency_key="same", recipient="ada@example.org") == ["d-2", "d-1"]
        assert ids(idempotency_key="same", recipient="eve@example.org") == []
        assert ids(idempotency_key="same", status=DeliveryStatus.SENT) == []

    def test_by_recipient_wherever_it_stands(self, deliver):
        deliver("alone")
        deliver("second", to=["eve@example.org", "ada@example.org"])
        deliver("copied", to=["eve@example.org"], cc=["ada@example.org"])
        deliver("hidden", to=["eve@example.org"], bcc=["bob@example.org", "ada@example.org"])
        deliver("twice", to=["ada@example.org", "ada@example.org"], cc=["ada@example.org"])
        deliver("answered", to=["eve@example.org"], reply_to=["ada@example.org"])
        found = ["twice", "hidden", "copied", "second", "alone"]
        assert ids(recipient="ada@example.org") == found
        read = partial(list_deliveries, filters=Filters(recipient="ada@example.org"))
        for limit in (1, 2, 4):
            assert [item["delivery_id"] for item in walk(read, limit)] == found

    def test_by_recipient_and_anything_else(self, deliver):
        deliver("old", columns={"created_at": NOW - 9 * HOUR})
        deliver("sent", columns={"status": "sent"})
        deliver("waiting")
        here = {"recipient": "ada@example.org"}
        assert ids(**here, status=DeliveryStatus.SENT) == ["sent"]
        assert ids(**here, created_before=NOW - HOUR) == ["old"]
        assert ids(**here, source=Source.AUTHSESSION) == []

    def test_by_window_whatever_its_place(self, deliver):
        moments = [NOW - n * HOUR for n in range(40, 0, -1)]
        for number, moment in enumerate(moments):
            deliver(f"d-{number}", columns={"created_at": moment})
        gone = Delivery.objects.filter(delivery_id__in=["d-3", "d-4", "d-20"])
        IdempotencyReservation.objects.filter(delivery__in=gone).delete()
        DeliveryPayload.objects.filter(delivery__in=gone).delete()
        gone.delete()
        kept = [n for n in range(40) if n not in (3, 4, 20)]
        for after, before in [(0, 40), (1, 3), (3, 5), (2, 30), (39, 40), (20, 21)]:
            window = {
                "created_after": moments[after],
                "created_before": moments[before] if before < 40 else NOW,
            }
            expected = [f"d-{n}" for n in reversed(kept) if after <= n < before]
            assert ids(**window) == expected
            assert ids(**window, source=Source.AUTHSESSION) == []

    def test_a_window_before_or_after_everything_is_empty(self, deliver):
        assert ids(created_after=NOW - HOUR) == []
        deliver("d-1")
        assert ids(created_before=NOW - HOUR) == []
        assert ids(created_after=datetime.now(UTC) + HOUR) == []

    def test_ids_that_follow_time_loosely_lose_nothing(self, deliver):
        """Transactions that overlap: a later id with an earlier time, and the other way round."""
        offsets = [0, 240, 10, 200, 30, 20, 250, 60]
        for number, seconds in enumerate(offsets):
            moment = NOW - HOUR + timedelta(seconds=seconds)
            deliver(f"d-{number}", columns={"created_at": moment})
        for cut in sorted(offsets):
            at = NOW - HOUR + timedelta(seconds=cut)
            assert set(ids(created_after=at)) == {
                f"d-{n}" for n, seconds in enumerate(offsets) if seconds >= cut
            }
            assert set(ids(created_before=at, created_after=NOW - 9 * HOUR)) == {
                f"d-{n}" for n, seconds in enumerate(offsets) if seconds < cut
            }

    def test_a_cursor_that_is_none_is_refused(self):
        with pytest.raises(InvalidCursorError):
            list_deliveries(filters=Filters(), limit=1, cursor="nonsense")


class TestOneDelivery:
    def test_shows_all_but_the_content(self, deliver):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        row = deliver(
            "d-1", cc=["b@example.org"], columns={"traceparent": trace, "status": "dead_letter"}
        )
        DeadLetter.objects.create(
            delivery=row, failure_code="timeout", reason="no answer", attempt_count=4
        )
        found = find_delivery("d-1")
        assert found["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
        assert (found["to"], found["cc"], found["bcc"]) == (
            ["ada@example.org"],
            ["b@example.org"],
            [],
        )
        assert found["subject"] == "Hello"
        assert found["dead_letter"]["reason"] == "no answer"
        assert not {"text_body", "html_body", "variables"} & found.keys()

    def test_shows_no_subject_of_a_login_code(self, deliver):
        deliver("d-1", source=Source.AUTHSESSION)
        assert find_delivery("d-1")["subject"] is None

    def test_shows_what_is_left_when_the_payload_is_gone(self, deliver):
        DeliveryPayload.objects.filter(delivery=deliver("d-1")).delete()
        found = find_delivery("d-1")
        assert (found["to"], found["subject"], found["status"]) == ([], None, "queued")

    def test_unknown(self):
        assert find_delivery("nobody") is None
        assert list_attempts("nobody") is None

    def test_attempts_oldest_first(self, deliver):
        row = deliver("d-1")
        assert list_attempts("d-1") == []
        for number in (2, 1):
            Attempt.objects.create(
                delivery=row,
                attempt_no=number,
                lane=2,
                status="timed_out",
                worker_id=1,
                scheduled_for=NOW,
                started_at=NOW,
                finished_at=NOW,
                recipients=[{"address": "a@example.org", "outcome": "deferred", "smtp_code": None}],
            )
        found = list_attempts("d-1")
        assert [attempt["attempt_no"] for attempt in found] == [1, 2]
        assert found[0]["recipients"][0]["address"] == "a@example.org"


class TestOtherLists:
    def test_dead_letters_by_the_time_of_their_entry(self, deliver):
        for number, hours in enumerate([3, 1, 2, 1]):
            row = deliver(f"d-{number}", columns={"status": "dead_letter"})
            DeadLetter.objects.create(
                delivery=row,
                failure_code="timeout",
                reason="timeout",
                attempt_count=4,
                recorded_at=NOW - hours * HOUR,
            )
        for limit in (1, 2, 4):
            items = walk(list_dead_letters, limit)
            assert [item["delivery_id"] for item in items] == ["d-3", "d-1", "d-2", "d-0"]
        for newer, older in pairwise(items):
            assert newer["recorded_at"] >= older["recorded_at"]

    def test_malformed_commands_without_their_fields(self):
        for number in range(5):
            MalformedCommand.objects.create(
                stream="s",
                stream_entry_id=f"{number}-0",
                failure_code="missing_field",
                failure_message="source: is missing",
                raw_fields=[b"a", b"b"],
            )
        items = walk(list_malformed_commands, 2)
        assert [item["stream_entry_id"] for item in items] == [f"{n}-0" for n in range(4, -1, -1)]
        assert "raw_fields" not in items[0]


class TestBound:
    def test_a_read_that_waits_too_long_is_ended(self, deliver, postgres_admin):
        deliver("d-1")
        with psycopg.connect(postgres_admin) as holder:
            holder.execute("LOCK TABLE mail.deliveries IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(ReadTooLongError):
                find_delivery("d-1")
        assert find_delivery("d-1") is not None

    def test_the_bound_ends_with_the_read(self):
        with bounded():
            pass
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("30s",)
