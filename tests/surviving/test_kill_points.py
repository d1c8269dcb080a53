"""A process dies at each named point: what must be left, and what must follow.

All that follows is brought about by new processes, which are told nothing.
"""

import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now

import deliveries
from deliveries.crash import Point
from deliveries.models import (
    Attempt,
    DeadLetter,
    Delivery,
    IdempotencyReservation,
    Leadership,
    Worker,
)
from deliveries.process.lease import Lease, leave, register
from deliveries.states import ProcessType, Source
from deliveries.transitions.claim import claim
from deliveries.transitions.handout import hand_out
from tests.relay.script import Stage, Stall, by_turn
from tests.stack.waiting import wait_until
from tests.surviving.kill_points import KILLED, kills
from tests.surviving.world import post_login_code

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

HOUR = timedelta(hours=1)
BOTH = {"d-1": 1, "d-2": 1}


def attempts():
    """Every attempt on record: its status, and whether its outcome is unknown."""
    return sorted(Attempt.objects.values_list("status", "outcome_unknown"))


@pytest.fixture
def accepted(world):
    """Two deliveries wait; the consumer that accepted them has ended."""
    (consumer,) = world.start("consume_commands")
    world.publish(1, 2)
    wait_until(lambda: len(world.statuses) == 2)
    assert consumer.stop() == 0
    return world


@pytest.fixture
def lost(accepted):
    """A worker that has left holds an attempt of each."""
    worker = register(process=ProcessType.ATTEMPTS, capacity=4, lease=Lease(length=HOUR))
    hand_out(source=Source.NOTIFICATION, bound=9, batch=9)
    assert len(claim(worker_id=worker, limit=9, last_lane=2)) == 2
    leave(worker_id=worker)
    return accepted


@pytest.fixture
def workable(accepted):
    """A worker is on record that can take what is handed out, and never does."""
    register(process=ProcessType.ATTEMPTS, capacity=4, lease=Lease(length=HOUR))
    return accepted


class TestConsumer:
    @kills(Point.CONSUMER_LED)
    def test_leads_and_has_not_taken_the_cursor(self, world):
        world.publish(1, 2)
        world.die("consume_commands", Point.CONSUMER_LED)
        assert Leadership.objects.get().epoch == 1
        assert (world.cursor, world.statuses) == (None, {})
        world.go_on()
        assert Leadership.objects.get(name__startswith="consumer").epoch == 2
        assert world.copies == BOTH

    @kills(Point.CONSUMER_READ)
    def test_has_entries_in_memory(self, world):
        world.publish(1, 2)
        world.die("consume_commands", Point.CONSUMER_READ)
        assert world.cursor.last_entry_id == "0-0"
        assert world.statuses == {}
        world.go_on()
        assert world.copies == BOTH

    @kills(Point.CONSUMER_STORED)
    def test_has_written_and_not_committed(self, world):
        world.publish(1, 2)
        world.die("consume_commands", Point.CONSUMER_STORED)
        assert world.cursor.last_entry_id == "0-0"
        assert (world.statuses, world.offset) == ({}, None)
        world.go_on()
        assert world.copies == BOTH

    @kills(Point.CONSUMER_COMMITTED)
    def test_has_committed_and_not_published(self, world):
        *_, last = world.publish(1, 2)
        world.die("consume_commands", Point.CONSUMER_COMMITTED)
        assert world.statuses == {"d-1": "queued", "d-2": "queued"}
        assert (world.cursor.last_entry_id, world.offset) == (last, None)
        world.go_on()
        assert world.copies == BOTH
        wait_until(lambda: world.offset == last)

    @kills(Point.CONSUMER_PUBLISHED)
    def test_has_published(self, world):
        *_, last = world.publish(1, 2)
        world.die("consume_commands", Point.CONSUMER_PUBLISHED)
        assert world.statuses == {"d-1": "queued", "d-2": "queued"}
        assert (world.cursor.last_entry_id, world.offset) == (last, last)
        world.go_on()
        assert world.copies == BOTH

    @kills(Point.CONSUMER_RESET)
    def test_has_put_the_offset_back_onto_a_new_stream(self, accepted):
        world = accepted
        old = world.cursor.last_entry_id
        world.client.delete(world.stream)
        world.client.xadd(world.stream, {"not": "a command"}, id="5-0")
        world.die("consume_commands", Point.CONSUMER_RESET)
        assert (world.offset, world.cursor.last_entry_id) == ("0-0", old)
        world.go_on()
        assert (world.cursor.last_entry_id, world.cursor.gap_entries) == ("5-0", 1)
        wait_until(lambda: world.offset == "5-0")
        assert world.copies == BOTH


class TestScheduler:
    @kills(Point.SCHEDULER_EXPIRED)
    def test_has_ended_the_expired(self, world):
        (consumer,) = world.start("consume_commands")
        world.publish(1, expires_at="2020-01-01T00:00:00Z")
        wait_until(lambda: world.statuses == {"d-1": "queued"})
        world.die("run_scheduler", Point.SCHEDULER_EXPIRED)
        assert world.statuses == {"d-1": "failed"}
        assert Delivery.objects.get().last_failure_code == "expired"
        consumer.stop()
        world.go_on()
        assert world.copies == {"d-1": 0}

    @kills(Point.SCHEDULER_HANDED_OUT)
    def test_has_handed_out(self, workable):
        workable.die("run_scheduler", Point.SCHEDULER_HANDED_OUT)
        assert set(workable.statuses.values()) == {"sending"}
        assert attempts() == [("scheduled", False)] * 2
        workable.go_on()
        assert workable.copies == BOTH
        assert attempts() == [("provider_accepted", False)] * 2

    @kills(Point.SCHEDULER_RECOVERING)
    def test_has_written_a_recovery_and_not_committed(self, lost):
        lost.die("run_scheduler", Point.SCHEDULER_RECOVERING)
        assert set(lost.statuses.values()) == {"sending"}
        assert attempts() == [("in_progress", False)] * 2
        lost.go_on()
        assert lost.copies == BOTH
        assert attempts() == [("provider_accepted", False)] * 2 + [("timed_out", True)] * 2

    @kills(Point.SCHEDULER_RECOVERED)
    def test_has_recovered(self, lost):
        lost.die("run_scheduler", Point.SCHEDULER_RECOVERED)
        assert set(lost.statuses.values()) == {"queued"}
        assert attempts() == [("timed_out", True)] * 2
        lost.go_on()
        assert lost.copies == BOTH
        assert attempts() == [("provider_accepted", False)] * 2 + [("timed_out", True)] * 2


class TestAttempts:
    """One of the four senders dies with a mail, and the others with what they have."""

    @pytest.fixture
    def one(self, world):
        """One delivery on its way, and a scheduler that hands it out."""
        (consumer, _) = world.start("consume_commands", "run_scheduler")
        world.publish(1)
        wait_until(lambda: world.statuses)
        assert consumer.stop() == 0
        return world

    def assert_in_progress(self, world, *, taken):
        assert world.statuses == {"d-1": "sending"}
        assert attempts() == [("in_progress", False)]
        wait_until(lambda: world.copies == {"d-1": taken})

    def assert_tried_again(self, world, *, copies):
        world.go_on()
        assert world.statuses == {"d-1": "sent"}
        assert attempts() == [("provider_accepted", False), ("timed_out", True)]
        assert Attempt.objects.get(outcome_unknown=True).failure_code == "worker_lost"
        assert world.copies == {"d-1": copies}

    @kills(Point.ATTEMPT_CLAIMED)
    def test_has_claimed(self, one):
        one.die("run_attempts", Point.ATTEMPT_CLAIMED)
        self.assert_in_progress(one, taken=0)
        self.assert_tried_again(one, copies=1)

    @kills(Point.ATTEMPT_BEGUN)
    def test_has_begun(self, one):
        one.die("run_attempts", Point.ATTEMPT_BEGUN)
        self.assert_in_progress(one, taken=0)
        assert one.relay.dialogues == []
        self.assert_tried_again(one, copies=1)

    @kills(Point.ATTEMPT_FINISHING)
    def test_has_sent_all_but_the_final_dot(self, one):
        one.die("run_attempts", Point.ATTEMPT_FINISHING)
        self.assert_in_progress(one, taken=0)
        assert "DATA" in one.relay.dialogue
        self.assert_tried_again(one, copies=1)

    @kills(Point.ATTEMPT_FINISHED)
    def test_has_sent_the_final_dot(self, one):
        one.die("run_attempts", Point.ATTEMPT_FINISHED)
        self.assert_in_progress(one, taken=1)
        self.assert_tried_again(one, copies=2)

    @kills(Point.ATTEMPT_FINISHED)
    def test_has_sent_the_final_dot_and_may_not_double(self, one):
        one.environment["MAIL_UNKNOWN_OUTCOME"] = "fail"
        one.service.close()
        one.start("run_scheduler")
        one.die("run_attempts", Point.ATTEMPT_FINISHED)
        self.assert_in_progress(one, taken=1)
        one.go_on()
        assert one.statuses == {"d-1": "failed"}
        assert Delivery.objects.get().last_failure_code == "outcome_unknown"
        assert (attempts(), one.copies) == ([("timed_out", True)], {"d-1": 1})

    @kills(Point.ATTEMPT_ANSWERED)
    def test_has_the_answer_and_told_nobody(self, one):
        one.die("run_attempts", Point.ATTEMPT_ANSWERED)
        self.assert_in_progress(one, taken=1)
        self.assert_tried_again(one, copies=2)

    @kills(Point.OUTCOMES_WRITTEN)
    def test_has_written_outcomes_and_not_committed(self, one):
        one.die("run_attempts", Point.OUTCOMES_WRITTEN)
        self.assert_in_progress(one, taken=1)
        self.assert_tried_again(one, copies=2)

    @kills(Point.OUTCOMES_COMMITTED)
    def test_has_committed_outcomes(self, one):
        one.die("run_attempts", Point.OUTCOMES_COMMITTED)
        assert one.statuses == {"d-1": "sent"}
        one.go_on()
        assert attempts() == [("provider_accepted", False)]
        assert one.copies == {"d-1": 1}

    @kills(Point.ATTEMPT_FINISHED)
    def test_the_last_rung_lost_is_a_dead_letter(self, one):
        one.environment["MAIL_RETRY_LADDER"] = "200ms"
        one.service.close()
        one.start("run_scheduler")
        for _ in range(2):
            one.die("run_attempts", Point.ATTEMPT_FINISHED)
        one.go_on()
        assert one.statuses == {"d-1": "dead_letter"}
        assert DeadLetter.objects.get().failure_code == "worker_lost"
        assert attempts() == [("timed_out", True)] * 2
        assert one.copies == {"d-1": 2}


class TestWeb:
    @kills(Point.LOGIN_CODE_ACCEPTED)
    def test_has_accepted_a_login_code_and_not_answered(self, world, tmp_path):
        _, port = world.arm_web(Point.LOGIN_CODE_ACCEPTED, once=tmp_path / "died")
        assert post_login_code(port, key="k-1") is None
        assert (tmp_path / "died").exists()
        assert list(world.statuses.values()) == ["rendered"]
        told = wait_until(lambda: post_login_code(port, key="k-1"))
        assert list(world.statuses) == [told]
        world.publish(1)
        world.go_on()
        assert world.copies == {told: 1, "d-1": 1}


class TestPrune:
    @pytest.fixture
    def old(self, accepted):
        """One of two deliveries ended long ago, the other waits since then."""
        long_ago = datetime.now(UTC) - timedelta(days=400)
        Delivery.objects.update(created_at=long_ago)
        Delivery.objects.filter(delivery_id="d-1").update(
            status="failed", next_attempt_at=None, finished_at=long_ago
        )
        IdempotencyReservation.objects.update(expires_at=long_ago)
        return accepted

    def assert_ends(self, world):
        # a round is left to the one that leads, as long as its lease holds
        wait_until(lambda: not Leadership.objects.filter(lease_until__gt=Now()).exists())
        rounds = world.service.start("prune", "--once", overrides=world.environment)
        assert rounds.wait() == 0, rounds.output
        assert set(world.statuses) == {"d-2"}
        world.go_on()
        assert world.copies == {"d-2": 1}

    @kills(Point.PAGE_REMOVING)
    def test_has_removed_a_page_and_not_committed(self, old):
        old.die("prune", Point.PAGE_REMOVING)
        assert set(old.statuses) == {"d-1", "d-2"}
        self.assert_ends(old)

    @kills(Point.PAGE_REMOVED)
    def test_has_removed_a_page(self, old):
        old.die("prune", Point.PAGE_REMOVED)
        assert Delivery.objects.filter(delivery_id="d-2").exists()
        self.assert_ends(old)


class TestAnyProcess:
    @kills(Point.PROCESS_REGISTERED)
    def test_is_on_record_and_runs_nothing(self, world):
        world.publish(1, 2)
        for command in ("consume_commands", "run_scheduler", "run_attempts"):
            world.die(command, Point.PROCESS_REGISTERED)
        assert Worker.objects.exclude(type="web").count() == 3
        assert (world.statuses, world.cursor) == ({}, None)
        world.go_on()
        assert world.copies == BOTH

    @pytest.fixture
    def stalled(self, make_world):
        """One delivery, which the relay stalls on the first time."""
        world = make_world({Stage.MAIL: by_turn(Stall(), "250 2.1.0 ok")})
        world.start("consume_commands", "run_scheduler")
        world.publish(1)
        return world

    @kills(Point.PROCESS_RETIRED)
    def test_wants_no_more_work_and_has_some_in_hand(self, stalled):
        process = stalled.arm("run_attempts", Point.PROCESS_RETIRED)
        assert stalled.relay.wait_until_reached(Stage.MAIL)
        process.signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGKILL
        assert Worker.objects.get(type="attempts").capacity == 0
        assert attempts() == [("in_progress", False)]
        stalled.go_on()
        assert attempts() == [("provider_accepted", False), ("timed_out", True)]
        assert stalled.copies == {"d-1": 1}

    @kills(Point.PROCESS_LEAVING)
    def test_has_stopped_and_not_ended_its_lease(self, stalled):
        process = stalled.arm("run_attempts", Point.PROCESS_LEAVING)
        assert stalled.relay.wait_until_reached(Stage.MAIL)
        process.signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGKILL
        worker = Worker.objects.get(type="attempts")
        assert worker.lease_until > worker.last_seen_at
        # what had not begun for the relay is given back: no row and no rung
        assert (stalled.statuses, attempts()) == ({"d-1": "queued"}, [])
        stalled.go_on()
        assert attempts() == [("provider_accepted", False)]
        assert stalled.copies == {"d-1": 1}


def test_every_point_has_a_test_that_kills_there():
    assert set(KILLED) == set(Point)


def test_every_point_stands_in_the_code():
    package = Path(deliveries.__file__).parent
    code = "\n".join(path.read_text() for path in package.rglob("*.py"))
    reached = re.findall(r"^ +crash\.here\(Point\.(\w+)\)$", code, re.MULTILINE)
    assert sorted(reached) == sorted(point.name for point in Point)
