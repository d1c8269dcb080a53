"""Processes that are frozen, killed or cut off, and the others that take over."""

import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from django.db.models.functions import Now

from deliveries.crash import Point
from deliveries.models import Attempt, Delivery, Leadership, StreamCursor
from tests.relay.script import Stage, Stall, by_turn
from tests.stack.waiting import wait_until
from tests.surviving.world import LEASE_SECONDS

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]


def epoch(name):
    return Leadership.objects.get(name__startswith=name).epoch


class TestConsumers:
    def test_a_standby_takes_over_from_a_killed_one(self, world):
        (first,) = world.start("consume_commands")
        world.publish(1)
        wait_until(lambda: world.statuses)
        world.start("consume_commands")
        first.kill()
        world.publish(2)
        wait_until(lambda: len(world.statuses) == 2)
        assert epoch("consumer") == 2

    def test_one_that_stops_makes_way_at_once(self, world):
        (first,) = world.start("consume_commands")
        world.publish(1)
        wait_until(lambda: world.statuses)
        assert first.stop() == 0
        assert not Leadership.objects.filter(lease_until__gt=Now()).exists()

    @pytest.mark.parametrize(
        "point", [Point.CONSUMER_READ, Point.CONSUMER_STORED, Point.CONSUMER_COMMITTED]
    )
    def test_a_frozen_one_comes_back_and_does_no_harm(self, world, point):
        frozen = world.arm("consume_commands", point, number=signal.SIGSTOP)
        frozen.wait_until_started()
        world.publish(1, 2)
        wait_until(lambda: state_of(frozen.pid) == "T")
        (other,) = world.start("consume_commands")
        wait_until(lambda: len(world.statuses) == 2)
        *_, last = world.publish(3)
        wait_until(lambda: world.offset == last)
        frozen.signal(signal.SIGCONT)
        # its lease has run out, and it stands by from now on
        wait_until(lambda: any(frozen.logged(m) for m in (LOST, *FAULTS)) or point in HARMLESS)
        *_, last = world.publish(4)
        wait_until(lambda: world.offset == last)
        assert len(world.statuses) == 4
        cursor = StreamCursor.objects.get()
        assert (cursor.entries_finished, cursor.epoch) == (4, 2)
        assert (other.stop(), frozen.stop()) == (0, 0)
        world.go_on()
        assert set(world.copies.values()) == {1}


LOST = "another consumer has the stream"
FAULTS = ("loop waits after a fault",)  # its session was ended, for it held a transaction open
HARMLESS = {Point.CONSUMER_COMMITTED}  # what it did last was right


def state_of(pid):
    """The process's state as the kernel tells it: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


class TestSchedulers:
    def test_maintenance_is_led_by_one_and_taken_over(self, world):
        both = {
            process.wait_until_started()["worker_id"]: process
            for process in world.start("run_scheduler", "run_scheduler")
        }
        world.start("consume_commands")
        wait_until(lambda: Leadership.objects.filter(name="maintenance").exists())
        both[Leadership.objects.get(name="maintenance").worker_id].kill()
        world.publish(1, expires_at="2020-01-01T00:00:00Z")
        wait_until(lambda: world.statuses == {"d-1": "failed"})
        assert epoch("maintenance") == 2

    def test_a_frozen_leader_that_comes_back_declares_nobody_lost(self, make_world):
        world = make_world({Stage.MAIL: by_turn(Stall())})
        processes = world.start("consume_commands", "run_scheduler", "run_attempts")
        world.publish(1)
        assert world.relay.wait_until_reached(Stage.MAIL)
        # everything stands still for longer than a lease, as on a host that was suspended
        for process in processes:
            process.signal(signal.SIGSTOP)
        time.sleep(LEASE_SECONDS + 1)
        for process in reversed(processes):
            process.signal(signal.SIGCONT)
            time.sleep(0.3)  # the scheduler is awake before the worker has renewed
        time.sleep(LEASE_SECONDS)
        assert Attempt.objects.get().status == "in_progress"


class TestWorkers:
    def test_a_frozen_one_writes_no_final_dot(self, world):
        """Its attempt is recovered and sent by another one while it is frozen."""
        world.start("consume_commands", "run_scheduler")
        world.publish(1)
        frozen = world.arm("run_attempts", Point.ATTEMPT_BEGUN, number=signal.SIGSTOP)
        wait_until(lambda: Attempt.objects.exists() and state_of(frozen.pid) == "T")
        world.start("run_attempts")
        wait_until(lambda: world.statuses == {"d-1": "sent"})
        frozen.signal(signal.SIGCONT)
        time.sleep(LEASE_SECONDS)  # it renews, and its lease has a gap
        assert frozen.stop() == 0
        assert world.copies == {"d-1": 1}
        lost, sent = Attempt.objects.order_by("attempt_no")
        assert (lost.failure_code, lost.outcome_unknown) == ("worker_lost", True)
        assert sent.status == "provider_accepted"

    def test_a_frozen_one_that_had_an_answer_says_so_late(self, world):
        """Recovered, and not handed out again: the outcome is recorded after all."""
        world.environment["MAIL_RETRY_LADDER"] = "1h"
        world.start("consume_commands", "run_scheduler")
        world.publish(1)
        frozen = world.arm("run_attempts", Point.ATTEMPT_ANSWERED, number=signal.SIGSTOP)
        wait_until(lambda: Delivery.objects.filter(last_failure_code="worker_lost").exists())
        assert world.statuses == {"d-1": "queued"}
        frozen.signal(signal.SIGCONT)
        wait_until(lambda: world.statuses == {"d-1": "sent"})
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.outcome_unknown) == ("provider_accepted", False)
        assert frozen.logged("late outcomes recorded")
        assert world.copies == {"d-1": 1}

    def test_its_lease_ends_in_the_middle_of_a_send(self, world):
        """Nothing is recovered here: the worker's own clock alone keeps it from the final dot."""
        world.start("consume_commands", "run_scheduler")
        world.publish(1)
        frozen = world.arm("run_attempts", Point.ATTEMPT_BEGUN, number=signal.SIGSTOP)
        wait_until(lambda: Attempt.objects.exists() and state_of(frozen.pid) == "T")
        time.sleep(LEASE_SECONDS + 0.5)
        frozen.signal(signal.SIGCONT)
        wait_until(lambda: world.statuses == {"d-1": "sent"})
        assert world.copies == {"d-1": 1}

    def test_one_that_may_not_double_holds_nothing_ready(self, make_world):
        """What it has claimed it has begun: no more than that is lost with it."""
        world = make_world({Stage.MAIL: by_turn(Stall(), Stall(), Stall(), "250 2.1.0 ok")})
        world.environment["MAIL_UNKNOWN_OUTCOME"] = "fail"
        *_, worker = world.start("consume_commands", "run_scheduler", "run_attempts")
        world.publish(*range(30))
        wait_until(lambda: len(world.relay.dialogues) == 3)  # of four senders, one is for codes
        assert Attempt.objects.filter(status="in_progress").count() == 3
        worker.kill()
        world.start("run_attempts")
        world.settle()
        ends = Counter(world.statuses.values())
        assert ends == {"failed": 3, "sent": 27}
        assert set(world.copies.values()) <= {0, 1}

    def test_many_of_each_send_nothing_twice(self, world):
        world.start(*("consume_commands", "run_scheduler", "run_attempts") * 2)
        world.publish(*range(300))
        world.settle()
        assert set(world.copies.values()) == {1}
        assert Attempt.objects.count() == 300


class TestShutdown:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_gives_back_what_has_not_begun_and_ends_in_time(self, make_world, number):
        # three of the four senders take notifications
        world = make_world({Stage.MAIL: by_turn(Stall(), Stall(), Stall(), "250 2.1.0 ok")})
        _, scheduler, worker = world.start("consume_commands", "run_scheduler", "run_attempts")
        world.publish(*range(12))
        assert world.relay.wait_until_reached(Stage.MAIL)
        wait_until(lambda: Attempt.objects.filter(status="in_progress").count() >= 3)
        worker.signal(number)
        assert worker.wait(seconds=30) == 0, worker.output
        # nobody is left to send: nothing is handed out to the one that has gone
        time.sleep(1)
        assert Attempt.objects.exclude(status="scheduled").count() == 0
        assert all(d.attempt_count <= 1 for d in Delivery.objects.all())
        assert scheduler.stop() == 0
        world.go_on()
        assert set(world.copies.values()) == {1}
        assert Attempt.objects.count() == 12

    def test_a_stuck_thread_ends_the_process_and_not_its_mail(self, world):
        world.start("consume_commands", "run_scheduler")
        world.publish(1)
        stuck = world.service.start_program(
            [sys.executable, "-m", "tests.surviving.stuck", "run_attempts"],
            name="run_attempts",
            overrides={
                **world.environment,
                "MAIL_SMTP_TIMEOUT": "500ms",
                "MAIL_SMTP_FINAL_REPLY_TIMEOUT": "1s",
            },
        )
        assert stuck.wait(seconds=60) == 1, stuck.output
        (line,) = stuck.logged("a thread is stuck and this process stops")
        assert line["stuck"].startswith("sender-")
        world.start("run_attempts")
        world.settle()
        assert world.statuses == {"d-1": "sent"}
        assert world.copies == {"d-1": 1}
