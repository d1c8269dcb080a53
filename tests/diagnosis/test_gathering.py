"""What the gatherers find on the real servers."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from deliveries.diagnosis.facts import Bounded, ProcessFacts, Reason
from deliveries.diagnosis.gathering import bounds, schedule
from deliveries.diagnosis.gathering.bounds import NotGatheredError, RedisRefusedError, TooSlowError
from deliveries.diagnosis.gathering.outcomes import (
    gather_ends,
    gather_malformed,
    gather_outcomes,
)
from deliveries.diagnosis.gathering.plans import gather_plan
from deliveries.diagnosis.gathering.processes import gather_workers
from deliveries.diagnosis.gathering.retention import gather_retention
from deliveries.diagnosis.gathering.schedule import gather_schedule
from deliveries.diagnosis.gathering.servers import gather_postgres, gather_redis, gather_schema
from deliveries.diagnosis.gathering.stream import gather_stream
from deliveries.models import Hold, Leadership, MalformedCommand, StreamCursor, Worker
from tests.diagnosis.records import ago, attempt, dead_letter, delivery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def config():
    return settings.MAIL


class TestBounds:
    def test_a_slow_query_is_cut_and_named(self, monkeypatch):
        monkeypatch.setattr(bounds, "_TIMEOUT_MS", 50)
        with pytest.raises(TooSlowError), bounds.looking(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")

    def test_nothing_can_be_written(self):
        with pytest.raises(NotGatheredError, match="25006"), bounds.looking():
            Hold.objects.create(source="notification", reason="no")
        assert not Hold.objects.exists()

    def test_the_session_is_left_as_it_was(self):
        with bounds.looking():
            pass
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("30s",)


class TestServers:
    def test_redis(self, config, redis_client):
        facts = gather_redis(config)
        assert facts.role == "master"
        assert facts.version
        assert facts.latency_ms > 0

    def test_postgres(self, config, postgres_admin):
        with psycopg.connect(postgres_admin) as other:
            other.execute("SELECT 1")
            facts = gather_postgres(config)
        assert facts.version
        assert not facts.is_read_only
        assert not facts.sees_everyone
        assert abs(facts.clock_ahead) < 60
        assert 0 < facts.sessions < facts.most_sessions

    def test_a_database_that_takes_no_writes(self, config, postgres_admin):
        database = connection.settings_dict["NAME"]
        change = psycopg.sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        with psycopg.connect(postgres_admin, autocommit=True) as admin:
            named = psycopg.sql.Identifier(database)
            admin.execute(change.format(named, psycopg.sql.Literal("on")))
            connection.close()
            try:
                assert gather_postgres(config).is_read_only
            finally:
                admin.execute("SET default_transaction_read_only = off")
                admin.execute(change.format(named, psycopg.sql.Literal("off")))
                connection.close()

    def test_schema(self, config):
        facts = gather_schema(config)
        assert (facts.schema, facts.pending, facts.unknown) == ("mail", (), ())

    def test_migrations_not_applied_and_not_known(self, config):
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM django_migrations WHERE app = 'deliveries'")
            *_, (last,) = sorted(cursor.fetchall())
            renamed = "UPDATE django_migrations SET name = %s WHERE name = %s"
            cursor.execute(renamed, ["9999_later", last])
            try:
                facts = gather_schema(config)
            finally:
                cursor.execute(renamed, [last, "9999_later"])
        assert facts.pending == (f"deliveries.{last}",)
        assert facts.unknown == ("deliveries.9999_later",)

    def test_the_plan(self, config):
        facts = gather_plan(config)
        assert facts.is_valid is True
        assert facts.index in facts.used or facts.estimated_rows < 10_000
        assert facts.look_ahead_ms > 0

    def test_an_index_that_is_gone(self, config):
        with connection.cursor() as cursor:
            cursor.execute("ALTER INDEX deliveries_next_attempt_at RENAME TO elsewhere")
            try:
                assert gather_plan(config).is_valid is None
            finally:
                cursor.execute("ALTER INDEX elsewhere RENAME TO deliveries_next_attempt_at")


class TestStream:
    @pytest.fixture
    def add(self, config, redis_client):
        def add(count=1, *, id="*"):  # noqa: A002 - Redis's name for it
            name = config.redis_command_stream
            return [redis_client.xadd(name, {"f": "v"}, id=id).decode() for _ in range(count)]

        return add

    @pytest.fixture
    def read(self, config, redis_client):
        def read(place, *, accounted, gap=0):
            name = config.redis_command_stream
            StreamCursor.objects.update_or_create(
                stream=name,
                defaults={
                    "last_entry_id": place,
                    "epoch": 1,
                    "entries_accounted": accounted,
                    "gap_entries": gap,
                },
            )
            redis_client.set(config.redis_offset_key, place)

        return read

    def test_none_yet(self, config, redis_client):
        facts = gather_stream(config)
        assert not facts.exists
        assert (facts.lag, facts.next_age, facts.cursor) == (0, None, None)

    def test_nothing_is_read(self, config, add):
        add(4)
        facts = gather_stream(config)
        assert facts.lag == 4
        assert 0 <= facts.next_age < 60

    def test_all_is_read(self, config, add, read):
        *_, last = add(4)
        read(last, accounted=4)
        facts = gather_stream(config)
        assert (facts.lag, facts.next_age, facts.missing) == (0, None, 0)
        assert facts.published == facts.cursor == last
        assert not facts.is_ahead

    def test_some_is_read(self, config, add, read):
        _, second, *_ = add(5)
        read(second, accounted=2)
        assert gather_stream(config).lag == 3

    def test_some_is_read_and_trimmed(self, config, add, read, redis_client):
        _, second, *_ = add(5)
        read(second, accounted=2)
        redis_client.xtrim(config.redis_command_stream, maxlen=3, approximate=False)
        facts = gather_stream(config)
        assert (facts.lag, facts.missing) == (3, 0)

    def test_entries_trimmed_unread(self, config, add, read, redis_client):
        _, second, *_ = add(6)
        read(second, accounted=2)
        redis_client.xtrim(config.redis_command_stream, maxlen=1, approximate=False)
        facts = gather_stream(config)
        assert (facts.lag, facts.missing) == (1, 3)

    def test_a_gap_that_was_noted_is_no_new_one(self, config, add, read, redis_client):
        *_, fifth, _last = add(6)
        redis_client.xtrim(config.redis_command_stream, maxlen=1, approximate=False)
        read(fifth, accounted=5, gap=3)
        facts = gather_stream(config)
        assert (facts.missing, facts.gap_entries) == (0, 3)

    def test_a_cursor_ahead_of_the_stream(self, config, add, read):
        add(1, id="5-0")
        read("9-0", accounted=9)
        assert gather_stream(config).is_ahead

    def test_an_offset_that_is_none(self, config, add, redis_client):
        redis_client.set(config.redis_offset_key, "what")
        facts = gather_stream(config)
        assert (facts.published, facts.has_offset_key) == (None, True)

    def test_a_redis_that_refuses_is_not_away(self, config, add, redis_client):
        redis_client.lpush(config.redis_offset_key, "what")
        with pytest.raises(RedisRefusedError, match=r"\(ResponseError: WRONGTYPE\)"):
            gather_stream(config)


class TestWorkers:
    @pytest.fixture
    def worker(self):
        def make(kind="attempts", *, lease_in=10.0, seen_ago=0.0, host="h", capacity=4):
            return Worker.objects.create(
                type=kind,
                host=host,
                pid=1,
                capacity=capacity,
                last_seen_at=ago(seen_ago),
                lease_until=ago(-lease_in),
            )

        return make

    def test_by_type(self, config, worker):
        worker(host="b")
        worker(host="a", seen_ago=3.0)
        worker("scheduler", capacity=0)
        found = gather_workers(config).by_type
        assert found["attempts"].alive == 2
        assert found["attempts"].hosts == ("a", "b")
        assert found["attempts"].living == ("a pid 1", "b pid 1")
        assert found["attempts"].capacity == 8
        assert 3.0 <= found["attempts"].slowest_heartbeat < 60
        assert found["scheduler"].alive == 1
        assert found["web"] == ProcessFacts()

    def test_who_took_leave_is_not_lost(self, config, worker):
        gone = datetime.now(UTC) - timedelta(minutes=5)
        Worker.objects.filter(pk=worker().pk).update(last_seen_at=gone, lease_until=gone)
        worker(lease_in=-60.0, seen_ago=75.0, host="c")
        worker(lease_in=-7200.0, seen_ago=7215.0, host="d")
        found = gather_workers(config).by_type["attempts"]
        assert (found.alive, found.lost, len(found.gone)) == (0, 1, 1)
        assert found.gone[0].startswith("c pid ")

    def test_who_leads(self, config):
        until = datetime.now(UTC) + timedelta(minutes=1)
        Leadership.objects.create(name="a", worker_id=1, epoch=1, lease_until=until)
        Leadership.objects.create(name="b", worker_id=1, epoch=1, lease_until=ago(1))
        assert gather_workers(config).leads == {"a": True, "b": False}


class TestSchedule:
    def test_lanes_by_source(self, config):
        for _ in range(3):
            delivery(due_ago=40.0)
        delivery(source="authsession", due_ago=2.0)
        delivery(due_ago=-60.0)
        delivery("sent")
        lanes = {lane.source: lane for lane in gather_schedule(config).lanes}
        assert lanes["notification"].waiting == Bounded(3)
        assert 40 <= lanes["notification"].overdue < 100
        assert lanes["authsession"].waiting == Bounded(1)
        assert (lanes["operator_resend"].waiting, lanes["operator_resend"].overdue) == (
            Bounded(0),
            0.0,
        )

    def test_counting_stops_at_its_bound(self, config, monkeypatch):
        monkeypatch.setattr(schedule, "MOST", 2)
        for _ in range(4):
            delivery(due_ago=1.0)
        lanes = {lane.source: lane for lane in gather_schedule(config).lanes}
        assert lanes["notification"].waiting == Bounded(2, more=True)
        assert str(lanes["notification"].waiting) == "2 or more"

    def test_holds_with_what_waits_behind(self, config):
        Hold.objects.create(source="notification", reason="relay moves", created_at=ago(90))
        delivery(due_ago=1.0)
        (hold,) = gather_schedule(config).holds
        assert (hold.source, hold.reason, hold.behind) == (
            "notification",
            "relay moves",
            Bounded(1),
        )
        assert hold.age >= 90

    def test_what_is_handed_out_and_in_progress(self, config):
        attempt(delivery("sending"), "scheduled", began_ago=5.0)
        attempt(delivery("sending"), "in_progress", began_ago=7.0)
        attempt(delivery("sent"))
        facts = gather_schedule(config)
        assert (facts.handed_out, facts.in_progress) == (Bounded(1), Bounded(1))
        assert facts.handed_out_overdue >= 5
        assert facts.longest_in_progress >= 7


class TestOutcomes:
    def test_endings_of_the_last_hour(self, config):
        attempt(delivery("sent"), began_ago=3.0, ended_ago=1.0)
        for code in ("timeout", "timeout", "worker_lost"):
            attempt(
                delivery("queued"),
                "timed_out",
                code=code,
                phase=None if code == "worker_lost" else "final",
                outcome_unknown=True,
            )
        attempt(delivery("sent"), began_ago=3605.0, ended_ago=3601.0)
        facts = gather_outcomes(config)
        assert {(e.status, e.failure_code, e.count) for e in facts.endings} == {
            ("provider_accepted", None, 1),
            ("timed_out", "timeout", 2),
            ("timed_out", "worker_lost", 1),
        }
        assert facts.unknown == 3
        assert facts.unknown_codes == ("timeout", "worker_lost")
        assert 1.9 < facts.durations["p50"] < 2.1
        assert facts.per_second == pytest.approx(4 / 60)

    def test_nothing_was_sent(self, config):
        facts = gather_outcomes(config)
        assert (facts.endings, facts.durations, facts.unknown) == ((), {}, 0)

    def test_dead_letters_alike_but_for_an_id_are_one_reason(self, config):
        dead_letter("451 4.3.0 queue 4BxY2k9QzZ full")
        dead_letter("451 4.3.0 queue 4BxY2k9QaB full")
        dead_letter("550 5.1.1 <ada@example.org> gone", code="permanent_reply")
        dead_letter("long ago", recorded_ago=3700.0)
        found = gather_ends(config).dead_letters
        assert [(r.failure_code, r.summary, r.count) for r in found] == [
            ("temporary_reply", "451 4.3.0 queue # full", 2),
            ("permanent_reply", "550 5.1.1 <<address>> gone", 1),
        ]

    def test_dead_letters_that_were_sent_again(self, config):
        first = dead_letter()
        dead_letter()
        delivery("sent", source="operator_resend", parent_delivery_id=first.delivery_id)
        facts = gather_ends(config)
        assert (sum(reason.count for reason in facts.dead_letters), facts.resent) == (2, 1)

    def test_suppressed_by_the_relay_and_by_the_stub(self, config):
        delivery(
            "suppressed",
            last_failure_code="suppressed_by_provider",
            last_provider_summary="550 on the suppression list",
            attempt_count=1,
        )
        delivery("suppressed", source="authsession")
        facts = gather_ends(config)
        (reason,) = facts.suppressed
        assert isinstance(reason, Reason)
        assert (reason.source, reason.count) == ("notification", 1)
        assert facts.stubbed == 1

    def test_a_dead_letter_without_its_entry_and_the_reverse(self, config):
        dead_letter()
        lone = delivery("dead_letter")
        entry = dead_letter()
        type(entry).objects.filter(pk=entry.pk).update(status="sent")
        assert set(gather_ends(config).unmatched) == {lone.delivery_id, entry.delivery_id}

    def test_malformed_by_code(self, config):
        for number, code in enumerate(("invalid_body", "invalid_body", "missing_field")):
            MalformedCommand.objects.create(
                stream="s",
                stream_entry_id=f"{number}-0",
                failure_code=code,
                failure_message="m",
            )
        facts = gather_malformed(config)
        assert facts.by_code == {"invalid_body": 2, "missing_field": 1}
        assert facts.examples["invalid_body"] == "1-0"

    def test_what_is_kept_past_its_time(self, config):
        delivery("sent", ended_ago=31 * 86400.0)
        delivery("queued")
        late = gather_retention(config).late
        assert 86000 < late["deliveries"] < 87000
        assert (late["payloads"], late["malformed_commands"]) == (0.0, 0.0)
