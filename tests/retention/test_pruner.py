"""What a round of retention removes, and above all what it leaves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from deliveries.models import (
    Attachment,
    Attempt,
    DeadLetter,
    Delivery,
    DeliveryPayload,
    IdempotencyReservation,
    MalformedCommand,
    Worker,
)
from deliveries.states import TERMINAL, DeliveryStatus
from tests.retention.conftest import DAY

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
ALL_OF_IT = {
    "deliveries": 1,
    "attempts": 1,
    "delivery_payloads": 1,
    "attachments": 2,
    "idempotency_reservations": 1,
}


def names(model=Delivery, of="delivery_id"):
    return sorted(model.objects.values_list(of, flat=True))


class TestDeliveries:
    @pytest.mark.parametrize("status", sorted(TERMINAL))
    def test_the_ended_goes_with_all_that_hangs_on_it(self, fill, new_round, status):
        fill("old", status=status)
        expected = ALL_OF_IT | ({"dead_letters": 1} if status == "dead_letter" else {})
        assert new_round().run() == expected
        for model in (Delivery, Attempt, DeadLetter, DeliveryPayload, IdempotencyReservation):
            assert not model.objects.exists()

    @pytest.mark.parametrize("status", sorted(set(DeliveryStatus) - TERMINAL))
    def test_what_is_not_terminal_stays_whatever_its_age(self, fill, new_round, status):
        fill("old", status=status, age=4000 * DAY)
        assert new_round().run() == {"idempotency_reservations": 1}
        assert (DeliveryPayload.objects.count(), Attachment.objects.count()) == (1, 2)
        assert names() == ["old-1"]

    def test_the_time_counts_from_the_end(self, fill, new_round):
        fill("ended-early", age=31 * DAY, ended=30 * DAY + MINUTE)
        fill("ended-late", age=400 * DAY, ended=30 * DAY - MINUTE)
        new_round().run()
        assert names() == ["ended-late-1"]

    def test_content_goes_before_the_record(self, fill, new_round):
        fill("a", age=7 * DAY + MINUTE)
        fill("b", age=7 * DAY - MINUTE)
        removed = new_round().run()
        assert (removed["delivery_payloads"], removed["attachments"]) == (1, 2)
        assert names() == ["a-1", "b-1"]
        assert names(DeliveryPayload, "delivery__delivery_id") == ["b-1"]
        assert Attempt.objects.count() == 2

    def test_a_key_that_lives_keeps_its_delivery(self, fill, new_round):
        """As of a mail cancelled long before its `send_at`, from which its key lives on."""
        fill("cancelled", status="failed", key_left=DAY)
        assert "deliveries" not in new_round().run()
        assert names() == ["cancelled-1"]
        IdempotencyReservation.objects.update(expires_at=datetime.now(UTC))
        assert new_round().run()["deliveries"] == 1

    def test_what_waits_in_front_holds_up_nothing(self, fill, new_round):
        fill("waits", count=120, status="queued", age=90 * DAY)
        fill("over", count=70, age=80 * DAY)
        fill("young", count=60, age=DAY)
        this = new_round()
        for _ in range(10):
            this.pruner.note_fault()  # down to the shortest page, of fifty
        assert this.run()["deliveries"] == 70
        assert Delivery.objects.filter(status="queued").count() == 120
        assert Delivery.objects.filter(status="sent").count() == 60

    def test_large_content_makes_short_pages(self, fill, new_round):
        fill("large", count=5, size=30 * 1024 * 1024)
        this = new_round()
        assert this.run()["delivery_payloads"] == 5
        pages = [r["delivery_payloads"] for r in this.removed if "delivery_payloads" in r]
        assert pages == [3, 2]

    def test_periods_are_the_configuration_s(self, fill, new_round, settings):
        settings.MAIL = replace(
            settings.MAIL,
            delivery_retention=timedelta(hours=2),
            payload_retention=timedelta(hours=1),
            idempotency_ttl=timedelta(hours=1),
        )
        fill("a", age=timedelta(hours=3))
        fill("b", age=timedelta(minutes=90))
        assert new_round().run()["delivery_payloads"] == 2
        assert names() == ["b-1"]


class TestReservations:
    def test_only_the_expired_go(self, fill, new_round):
        fill("lives", age=20 * DAY, key_left=MINUTE)
        fill("over", age=20 * DAY, key_left=-MINUTE)
        assert new_round().run()["idempotency_reservations"] == 1
        assert names(IdempotencyReservation, "idempotency_key") == ["k-lives-1"]

    def test_those_that_live_long_hold_up_nothing(self, fill, new_round):
        fill("later", count=120, age=20 * DAY, key_left=20 * DAY)
        fill("over", count=3, age=10 * DAY, key_left=-MINUTE)
        this = new_round()
        for _ in range(10):
            this.pruner.note_fault()
        assert this.run()["idempotency_reservations"] == 3


class TestMalformedCommands:
    def test_fields_are_erased_then_the_row_goes(self, new_round):
        now = datetime.now(UTC)
        for name, age in (("new", 6 * DAY), ("erased", 8 * DAY), ("gone", 91 * DAY)):
            MalformedCommand.objects.create(
                stream="s",
                stream_entry_id="1-1",
                delivery_id=name,
                failure_code="invalid_subject",
                failure_message="subject: is empty",
                raw_fields=[b"delivery_id", name.encode()],
                recorded_at=now - age,
            )
        assert new_round().run() == {"raw_fields": 2, "malformed_commands": 1}
        rows = MalformedCommand.objects.order_by("delivery_id")
        assert [row.delivery_id for row in rows] == ["erased", "new"]
        assert rows[0].raw_fields is None
        assert rows[0].failure_message == "subject: is empty"
        assert [bytes(part) for part in rows[1].raw_fields] == [b"delivery_id", b"new"]
        assert new_round().run() == {}


class TestWorkers:
    def test_a_day_after_the_last_sign_of_life(self, new_round):
        now = datetime.now(UTC)
        for pid, seen, lease in ((1, 2 * DAY, DAY), (2, DAY / 2, DAY / 2), (3, 2 * DAY, -DAY)):
            Worker.objects.create(
                type="scheduler",
                host="h",
                pid=pid,
                started_at=now - 30 * DAY,
                last_seen_at=now - seen,
                lease_until=now - lease,
            )
        assert new_round().run() == {"workers": 1}
        assert names(Worker, "pid") == [2, 3]


class TestBesidesOthers:
    def test_what_somebody_holds_is_passed_over_not_waited_for(
        self, fill, new_round, postgres_admin
    ):
        fill("held")
        fill("free")
        with psycopg.connect(postgres_admin) as other:
            other.execute("SET search_path = mail")
            other.execute("SELECT FROM deliveries WHERE delivery_id = 'held-1' FOR KEY SHARE")
            assert new_round().run() == ALL_OF_IT | {
                "delivery_payloads": 2,
                "attachments": 4,
                "idempotency_reservations": 2,
            }
            assert names() == ["held-1"]
        assert new_round().run()["deliveries"] == 1

    def test_held_content_keeps_its_delivery(self, fill, new_round, postgres_admin):
        fill("held")
        with psycopg.connect(postgres_admin) as other:
            other.execute("SELECT FROM mail.delivery_payloads FOR UPDATE")
            assert new_round().run() == {"idempotency_reservations": 1}
        assert names() == ["held-1"]

    def test_another_one_leads(self, fill, new_round):
        fill("old")
        idle = new_round(leads=False)
        assert idle.run() == {}
        assert idle.resigned == 0
        assert names() == ["old-1"]

    def test_a_round_may_break_anywhere(self, fill, new_round):
        fill("old", count=300)
        left = [300]
        while left[-1]:
            broken = new_round()
            for _ in range(10):
                broken.pruner.note_fault()
            for _ in range(3):
                broken.pruner.step()
            left.append(Delivery.objects.count())
            assert Attempt.objects.count() == left[-1]
        # every one of them took up what the one before had left
        assert len(set(left)) > 2
        assert new_round().run() == {}

    def test_the_leadership_is_given_up_at_the_end(self, fill, new_round):
        this = new_round()
        this.run()
        assert this.resigned == 1


class TestPace:
    def test_rests_are_as_long_as_the_work_asks_for_up_to_a_bound(self, fill, new_round):
        ticks = iter(range(1000))
        this = new_round(clock=lambda: next(ticks) / 100)
        fill("old")
        this.run()
        assert this.rests
        assert all(0 < rest <= 1.5 for rest in this.rests)

    def test_a_page_leaves_the_session_s_limits_alone(self, new_round):
        new_round().run()
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("30s",)


def test_a_finished_round_is_logged_with_its_counts(fill, new_round, caplog):
    fill("old", count=3)
    with caplog.at_level("INFO", logger="deliveries.retention.pruner"):
        new_round().run()
    [line] = [r for r in caplog.records if r.message == "retention round finished"]
    assert (line.deliveries, line.attachments) == (3, 6)


def test_defaults_are_the_contract_s():
    periods = settings.MAIL
    assert periods.delivery_retention == 30 * DAY
    assert periods.payload_retention == 7 * DAY
    assert periods.malformed_command_retention == 90 * DAY
