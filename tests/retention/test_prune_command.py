"""`manage.py prune` as cron, a supervisor and an operator run it."""

import json
import signal
import time
from functools import partial

import pytest
from django.db import connection

from deliveries.models import Attempt, Delivery, DeliveryPayload, Leadership, Worker
from tests.collector import Collector
from tests.retention.conftest import DAY

pytestmark = pytest.mark.django_db(transaction=True)

ROUND = "retention round finished"


@pytest.fixture
def run(manage):
    return partial(manage, "prune")


class TestDryRun:
    def test_counts_what_a_round_removes_and_removes_nothing(self, run, fill, new_round):
        fill("gone", count=3, status="dead_letter")
        fill("bare", count=4, age=10 * DAY)
        fill("kept", count=5, age=DAY, key_left=DAY)
        fill("bound", key_left=DAY)
        fill("waits", status="queued")
        status, out, err = run("--dry-run", "--json")

        assert (status, err) == (0, "")
        told = json.loads(out)["would_remove"]
        assert Delivery.objects.count() == 14
        assert {table: rows for table, rows in told.items() if rows} == new_round().run()
        assert told["deliveries"] == 3
        assert told["delivery_payloads"] == 8

    def test_is_a_table_for_people(self, run, fill):
        fill("gone", count=3)
        status, out, _ = run("--dry-run")

        assert status == 0
        lines = [line.split() for line in out.splitlines()]
        assert lines[0] == ["table", "kept", "rows"]
        assert ["deliveries", "30d", "3"] in lines
        assert ["workers", "1d", "0"] in lines
        assert out.endswith("Nothing was removed.\n")

    def test_without_a_database(self, run, monkeypatch):
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(connection.settings_dict, "PORT", "1")
        status, out, err = run("--dry-run")
        connection.close()

        assert (status, out) == (69, "")
        assert err.startswith("CommandError: PostgreSQL does not answer (OperationalError:")

    def test_goes_with_nothing_else(self, run):
        status, _, err = run("--dry-run", "--once")

        assert status == 2
        assert "not allowed with argument" in err


@pytest.mark.process
class TestProcess:
    def test_once_ends_by_itself(self, service, fill):
        fill("gone", count=3)
        fill("kept", age=DAY, key_left=DAY)
        process = service.start("prune", "--once")
        assert process.wait() == 0, process.output
        assert [line["message"] for line in process.logs] == [
            "SQL retention worker started",
            ROUND,
            "SQL retention worker stopped",
        ]
        line = process.logged(ROUND)[0]
        assert (line["deliveries"], line["attachments"], line["process"]) == (3, 6, "prune")
        assert Delivery.objects.get().delivery_id == "kept-1"

    def test_counts_what_it_removed_once(self, service, fill):
        fill("gone", count=3, status="dead_letter")
        fill("bare", count=2, age=10 * DAY)
        fill("kept", age=DAY, key_left=DAY)
        with Collector() as collector:
            process = service.start("prune", "--once", overrides=collector.environment)
            assert process.wait() == 0, process.output
            counted = {
                point.attributes["table"]: point.value
                for point in collector.series("mail.prune.deleted")
                if point.value
            }
        assert counted == {
            "deliveries": 3,
            "attempts": 3,
            "dead_letters": 3,
            "delivery_payloads": 5,
            "attachments": 10,
            "idempotency_reservations": 5,
        }

    def test_works_on_and_ends_at_a_signal(self, service, fill):
        fill("first")
        process = service.start("prune", overrides={"MAIL_PRUNE_INTERVAL": "1s"})
        process.wait_for_log(ROUND)
        fill("second")
        process.wait_for_log(ROUND, count=3)
        assert not Delivery.objects.exists()
        assert process.stop() == 0
        assert process.logged("SQL retention worker stopped")
        assert Worker.objects.get().type == "prune"

    def test_a_kill_in_the_middle_loses_nothing(self, service, fill):
        fill("gone", count=20_000)
        fill("kept", count=50, age=DAY, key_left=DAY)
        fill("waits", count=50, status="sending")
        process = service.start("prune")
        deadline = time.monotonic() + 60
        while DeliveryPayload.objects.count() == 20_100:
            assert time.monotonic() < deadline, process.output
            time.sleep(0.01)
        process.kill()
        assert Delivery.objects.filter(status="sent").count() > 50
        assert Attempt.objects.count() == Delivery.objects.count()
        # the next one waits for no more than the dead one's lease
        leadership = Leadership.objects.get(name="retention")
        while True:
            ended = service.start("prune", "--once")
            assert ended.wait(seconds=90) == 0, ended.output
            if ended.logged(ROUND):
                break
        assert Leadership.objects.get(name="retention").epoch > leadership.epoch
        assert Delivery.objects.count() == Attempt.objects.count() == 100
        assert DeliveryPayload.objects.count() == 100

    def test_two_do_not_do_the_same_work(self, service, fill):
        fill("gone", count=20_000)
        first = service.start("prune")
        deadline = time.monotonic() + 60
        while not Leadership.objects.filter(name="retention").exists():
            assert time.monotonic() < deadline, first.output
            time.sleep(0.01)
        second = service.start("prune", "--once")
        assert second.wait() == 0
        assert second.logged("another process prunes, this round is skipped")
        first.signal(signal.SIGINT)
        assert first.wait() == 0
