"""Every move of the state machine, on a real PostgreSQL, and every move that must not happen."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection

from deliveries.attempt.holdings import Holdings
from deliveries.attempt.recorder import Recorder
from deliveries.database import Fault, atomic, describe, fault_of
from deliveries.models import (
    Attachment,
    Attempt,
    DeadLetter,
    Delivery,
    DeliveryPayload,
    Hold,
    IdempotencyReservation,
    Worker,
)
from deliveries.outcome.verdict import Policy
from deliveries.payload import Attachment as File
from deliveries.payload import Mailbox, Payload
from deliveries.process.lease import Lease, leave, renew
from deliveries.schedule.maintenance import Maintenance, recover
from deliveries.schedule.scheduler import Scheduler
from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase, Source
from deliveries.transitions.claim import claim, give_back
from deliveries.transitions.completion import complete
from deliveries.transitions.expiry import expire, expire_in_hand
from deliveries.transitions.handout import HandedOut, hand_out, look_ahead
from deliveries.transitions.records import AttemptRecord, Completion
from deliveries.transitions.recovery import held

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
POLICY = Policy(ladder=(timedelta(minutes=1),), markers=(), retries_unknown=True)
ACCEPTED = AttemptRecord(AttemptStatus.PROVIDER_ACCEPTED, Phase.FINAL, None, smtp_code=250)
FAILED = AttemptRecord(
    AttemptStatus.TRANSPORT_FAILED, Phase.CONNECT, FailureCode.CONNECT_FAILED, summary="refused"
)
SENT = Completion(ACCEPTED, DeliveryStatus.SENT, None, recipients_accepted=1)
RETRY = Completion(FAILED, None, FailureCode.CONNECT_FAILED, retry_after=HOUR)
DEAD = Completion(FAILED, DeliveryStatus.DEAD_LETTER, FailureCode.CONNECT_FAILED)


def delivery(delivery_id="d-1"):
    return Delivery.objects.get(delivery_id=delivery_id)


def record(worker, *, completed):
    """Have a recorder of this worker's write these outcomes."""
    recorder = Recorder(worker_id=worker.id, on_written=lambda _: None)
    for attempt_id, done in completed:
        recorder.completed(attempt_id, done)
    recorder.start()
    assert recorder.close(30)


def later(delta):
    return datetime.now(UTC) + delta


def backdate(**columns):
    Delivery.objects.update(**columns)


class TestCreation:
    def test_writes_the_delivery_its_payload_and_its_reservation(self, new, accept):
        payload = Payload(
            to=(Mailbox("a@example.org", "Ada"),),
            bcc=(Mailbox("b@example.org"),),
            subject="Hi",
            text_body="Text",
            headers=(("X-One", "1"),),
            attachments=(File("a.pdf", "application/pdf", b"\x00\xff"),),
        )
        assert accept(new(payload=payload)) == {0}
        row = delivery()
        assert (row.status, row.attempt_count, row.finished_at) == ("queued", 0, None)
        assert row.next_attempt_at == row.created_at
        stored = DeliveryPayload.objects.get(delivery=row)
        assert stored.mailboxes["bcc"] == [{"email": "b@example.org", "name": ""}]
        assert (stored.headers, stored.attachment_count) == ([["X-One", "1"]], 1)
        assert bytes(Attachment.objects.get(delivery=row).content) == b"\x00\xff"
        reservation = IdempotencyReservation.objects.get(delivery=row)
        assert reservation.expires_at - row.created_at == timedelta(days=7)

    def test_waits_for_send_at_and_keeps_the_key_from_then_on(self, new, accept):
        send_at = later(3 * HOUR)
        accept(new(send_at=send_at))
        assert delivery().next_attempt_at == send_at
        assert IdempotencyReservation.objects.get().expires_at == send_at + timedelta(days=7)

    def test_a_living_key_refuses_the_newcomer_alone(self, new, accept):
        accept(new("d-1"))
        assert accept(new("d-2", idempotency_key="key-d-1"), new("d-3")) == {1}
        assert set(Delivery.objects.values_list("delivery_id", flat=True)) == {"d-1", "d-3"}

    def test_an_expired_key_is_taken_over(self, new, accept):
        accept(new("d-1"), ttl=-HOUR)
        assert accept(new("d-2", idempotency_key="key-d-1")) == {0}
        assert IdempotencyReservation.objects.get().delivery == delivery("d-2")

    def test_the_same_key_of_another_source_is_another_key(self, new, accept):
        accept(new("d-1"))
        other = new("d-2", idempotency_key="key-d-1", source=Source.OPERATOR_RESEND)
        assert accept(other) == {0}

    def test_a_taken_delivery_id_fails_the_batch_as_an_entry_fault(self, new, accept):
        accept(new("d-1"))
        with pytest.raises(IntegrityError) as caught:
            accept(new("d-1", idempotency_key="other"), new("d-2"))
        assert fault_of(caught.value) is Fault.ENTRY
        assert describe(caught.value) == "IntegrityError 23505"
        assert Delivery.objects.count() == 1

    def test_a_value_that_the_database_refuses_is_an_entry_fault(self, new, accept):
        payload = Payload(
            to=(Mailbox("a@example.org"),), subject="S", text_body="T", variables={"a": "\x00"}
        )
        with pytest.raises(DatabaseError) as caught:
            accept(new(payload=payload))
        assert fault_of(caught.value) is Fault.ENTRY


class TestHandOut:
    def test_hands_out_what_is_due_oldest_first_up_to_the_bound(self, new, accept):
        accept(*[new(f"d-{n}") for n in range(5)])
        for n in range(5):
            Delivery.objects.filter(delivery_id=f"d-{n}").update(next_attempt_at=later(-n * HOUR))
        handed_out = hand_out(source=Source.NOTIFICATION, bound=2, batch=10)
        assert (handed_out.count, handed_out.is_full) == (2, False)
        handed = Attempt.objects.values_list("delivery__delivery_id", flat=True)
        assert set(handed) == {"d-4", "d-3"}
        assert hand_out(source=Source.NOTIFICATION, bound=2, batch=10).count == 0
        assert delivery("d-4").status == "sending"
        assert delivery("d-4").attempt_count == 1
        assert delivery("d-4").next_attempt_at is None

    def test_a_full_lane_leaves_the_others_alone(self, new, accept):
        accept(new("d-1"), new("d-2"), new("login", source=Source.AUTHSESSION))
        assert hand_out(source=Source.NOTIFICATION, bound=1, batch=10).count == 1
        assert hand_out(source=Source.AUTHSESSION, bound=1, batch=10).count == 1

    def test_leaves_the_future_and_the_expired_alone(self, new, accept):
        accept(new("d-1", send_at=later(HOUR)), new("d-2", expires_at=later(-HOUR)))
        nothing = HandedOut(count=0, latest=None, is_full=False)
        assert hand_out(source=Source.NOTIFICATION, bound=9, batch=9) == nothing

    def test_says_when_the_batch_was_the_limit(self, new, accept):
        accept(new("d-1"), new("d-2"))
        assert hand_out(source=Source.NOTIFICATION, bound=9, batch=1).is_full

    def test_says_how_far_it_came_and_leaves_what_is_below_a_floor(self, new, accept):
        accept(new("d-1"), new("d-2"), new("d-3"))
        times = {f"d-{n}": later(-n * HOUR) for n in (1, 2, 3)}
        for name, time in times.items():
            Delivery.objects.filter(delivery_id=name).update(next_attempt_at=time)
        above = hand_out(source=Source.NOTIFICATION, bound=9, batch=9, floor=times["d-2"])
        assert (above.count, above.latest) == (2, times["d-1"])
        assert delivery("d-3").status == "queued"
        below = hand_out(source=Source.NOTIFICATION, bound=9, batch=9)
        assert (below.count, below.latest) == (1, times["d-3"])

    def test_looks_ahead_from_the_floor_on(self, new, accept, worker):
        accept(new("d-1"))
        assert look_ahead()[1] == [Source.NOTIFICATION]
        assert look_ahead({Source.NOTIFICATION: later(HOUR)})[1] == []


class TestClaim:
    def test_takes_login_codes_first_and_a_reserved_thread_takes_nothing_else(
        self, new, accept, worker
    ):
        accept(new("d-1"), new("login", source=Source.AUTHSESSION))
        for source in Source:
            hand_out(source=source, bound=9, batch=9)
        (first,) = claim(worker_id=worker.id, limit=1, last_lane=2)
        assert first.delivery_id == "login"
        assert claim(worker_id=worker.id, limit=1, last_lane=0) == []
        attempt = Attempt.objects.get(id=first.attempt_id)
        assert (attempt.status, attempt.worker_id) == ("in_progress", worker.id)

    def test_brings_the_content_and_the_time_left(self, new, accept, begin):
        accept(new(expires_at=later(HOUR)))
        (row,) = begin()
        assert (row.subject, row.text_body) == ("Hello", "Text")
        assert row.mailboxes == {"to": [{"email": "a@example.org", "name": "Ada"}]}
        assert 3500 < row.expires_in <= 3600

    def test_leaves_large_content_for_the_thread_that_sends_it(self, new, accept, begin):
        payload = Payload(to=(Mailbox("a@example.org"),), subject="S", text_body="x" * 70_000)
        accept(new(payload=payload))
        (row,) = begin()
        assert (row.text_body, row.content_bytes) == (None, 70_000)

    def test_what_is_given_back_uses_no_row_and_no_rung(self, new, accept, begin, worker):
        accept(new())
        before = delivery().next_attempt_at
        (row,) = begin()
        assert give_back(worker_id=worker.id, attempt_ids=[row.attempt_id]) == 1
        after = delivery()
        assert (after.status, after.attempt_count, after.next_attempt_at) == ("queued", 0, before)
        assert Attempt.objects.count() == 0

    def test_another_worker_cannot_give_it_back(self, new, accept, begin, worker):
        accept(new())
        (row,) = begin()
        assert give_back(worker_id=worker.id + 1, attempt_ids=[row.attempt_id]) == 0
        assert delivery().status == "sending"


class TestCompletion:
    def test_sent(self, new, accept, begin, worker):
        accept(new())
        (row,) = begin()
        (moved,) = complete([(row.attempt_id, worker.id, SENT)])
        assert (moved.delivery_id, moved.status) == ("d-1", "sent")
        after = delivery()
        assert (after.status, after.recipients_accepted) == ("sent", 1)
        assert after.finished_at is not None
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.phase, attempt.smtp_code) == (
            "provider_accepted",
            "final",
            250,
        )

    @pytest.mark.parametrize(
        ("mode", "waiting"), [("rendered", "queued"), ("template", "rendered")]
    )
    def test_a_retry_goes_back_to_where_it_waited(self, mode, waiting, new, accept, begin, worker):
        accept(new(payload_mode=mode, status=waiting))
        (row,) = begin()
        complete([(row.attempt_id, worker.id, RETRY)])
        after = delivery()
        assert after.status == waiting
        assert after.next_attempt_at - Attempt.objects.get().finished_at == HOUR
        assert (after.last_failure_code, after.last_provider_summary) == (
            "connect_failed",
            "refused",
        )
        assert after.attempt_count == 1

    @pytest.mark.parametrize(
        ("at_expiry", "code"), [(DeliveryStatus.FAILED, "expired"), (DeliveryStatus.SENT, None)]
    )
    def test_a_rung_past_the_expiry_ends_it_at_once(
        self, at_expiry, code, new, accept, begin, worker
    ):
        accept(new(expires_at=later(HOUR / 2)))
        (row,) = begin()
        retry = Completion(
            FAILED, None, FailureCode.CONNECT_FAILED, retry_after=HOUR, at_expiry=at_expiry
        )
        complete([(row.attempt_id, worker.id, retry)])
        assert (delivery().status, delivery().last_failure_code) == (at_expiry, code)

    def test_a_dead_letter_is_written_with_its_state(self, new, accept, begin, worker):
        accept(new())
        (row,) = begin()
        complete([(row.attempt_id, worker.id, DEAD)])
        letter = DeadLetter.objects.get()
        assert delivery().status == "dead_letter"
        assert (letter.failure_code, letter.reason, letter.attempt_count) == (
            "connect_failed",
            "refused",
            1,
        )

    def test_a_login_code_is_erased_when_it_ends_and_not_before(self, new, accept, begin, worker):
        accept(new(source=Source.AUTHSESSION), new("d-2"))
        login, other = begin()
        complete([(login.attempt_id, worker.id, RETRY)])
        assert DeliveryPayload.objects.get(delivery=delivery()).text_body == "Text"
        Delivery.objects.filter(status="queued").update(next_attempt_at=later(-HOUR))
        (again,) = begin()
        complete([(again.attempt_id, worker.id, SENT), (other.attempt_id, worker.id, SENT)])
        erased = DeliveryPayload.objects.get(delivery=delivery())
        assert (erased.subject, erased.text_body, erased.variables) == (None, None, None)
        assert erased.mailboxes["to"][0]["email"] == "a@example.org"
        assert DeliveryPayload.objects.get(delivery=delivery("d-2")).text_body == "Text"

    def test_nobody_completes_twice_or_for_another(self, new, accept, begin, worker):
        accept(new())
        (row,) = begin()
        assert complete([(row.attempt_id, worker.id + 1, SENT)]) == []
        assert delivery().status == "sending"
        complete([(row.attempt_id, worker.id, RETRY)])
        assert complete([(row.attempt_id, worker.id, SENT)]) == []
        assert delivery().status == "queued"


class TestExpiry:
    def test_ends_what_waits_and_what_is_handed_out_and_nothing_in_hand(
        self, new, accept, begin, worker
    ):
        accept(new("in-hand", expires_at=later(HOUR)))
        (row,) = begin()
        accept(new("handed-out", expires_at=later(HOUR)))
        hand_out(source=Source.NOTIFICATION, bound=9, batch=9)
        accept(new("waiting", expires_at=later(HOUR)), new("fresh"))
        backdate(expires_at=later(-HOUR))
        Delivery.objects.filter(delivery_id="fresh").update(expires_at=later(HOUR))
        assert expire(batch=10).count == 2
        states = dict(Delivery.objects.values_list("delivery_id", "status"))
        assert states == {
            "waiting": "failed",
            "handed-out": "failed",
            "in-hand": "sending",
            "fresh": "queued",
        }
        assert delivery("handed-out").last_failure_code == "expired"
        assert delivery("handed-out").attempt_count == 0
        assert expire_in_hand(worker_id=worker.id, attempt_ids=[row.attempt_id]).count == 1
        assert delivery("in-hand").status == "failed"
        assert Attempt.objects.count() == 0

    def test_whoever_had_accepted_it_makes_it_sent(self, new, accept):
        accept(new(expires_at=later(HOUR)))
        backdate(expires_at=later(-HOUR), recipients_accepted=1)
        assert expire(batch=10).count == 1
        assert (delivery().status, delivery().last_failure_code) == ("sent", None)

    def test_erases_login_codes(self, new, accept):
        accept(new(source=Source.AUTHSESSION, expires_at=later(HOUR)))
        backdate(expires_at=later(-HOUR))
        expire(batch=10)
        assert DeliveryPayload.objects.get().text_body is None


class TestRecovery:
    def test_takes_over_from_who_has_left_and_from_nobody_else(self, new, accept, begin, worker):
        accept(new())
        begin()
        assert recover(policy=POLICY, silent={}, overdue=()) == 0
        leave(worker_id=worker.id)
        assert recover(policy=POLICY, silent={}, overdue=()) == 1
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.failure_code) == ("timed_out", "worker_lost")
        assert (attempt.phase, attempt.outcome_unknown) == (None, True)
        assert (delivery().status, delivery().attempt_count) == ("queued", 1)

    @pytest.mark.parametrize(
        ("policy", "message"),
        [(POLICY, "retry scheduled"), (replace(POLICY, ladder=()), "delivery dead-lettered")],
    )
    def test_is_told_like_an_outcome_that_a_worker_recorded(
        self, policy, message, new, accept, begin, worker, caplog
    ):
        accept(new())
        begin()
        leave(worker_id=worker.id)
        caplog.set_level(logging.INFO)
        recover(policy=policy, silent={}, overdue=())
        recovered, finished, next_to_come = caplog.records
        assert recovered.message == "attempt of a lost worker recovered"
        assert (finished.message, next_to_come.message) == ("attempt finished", message)
        for line in (finished, next_to_come):
            assert (line.delivery_id, line.source, line.attempt_no) == ("d-1", "notification", 1)
            assert (line.status, line.failure_code) == ("timed_out", "worker_lost")
            assert (line.phase, line.smtp_code, line.outcome_unknown) == (None, None, True)

    def test_takes_over_from_the_silent_unless_it_was_seen_since(self, new, accept, begin, worker):
        accept(new())
        begin()
        silent = held().workers
        assert set(silent) == {worker.id}
        renew(worker_id=worker.id, capacity=4, lease=Lease(length=HOUR))
        assert recover(policy=POLICY, silent=silent, overdue=()) == 0
        assert recover(policy=POLICY, silent=held().workers, overdue=()) == 1

    def test_takes_over_what_nobody_known_holds(self, new, accept, begin, worker):
        accept(new())
        begin()
        worker.delete()
        assert recover(policy=POLICY, silent={}, overdue=()) == 1

    @pytest.fixture
    def watch(self):
        """Looks every 20 seconds until so many have passed, by the observer's own clock."""
        now = [0.0]
        maintenance = Maintenance(
            policy=POLICY,
            worker_lease=HOUR,
            longest_attempt=timedelta(minutes=1),
            lead=lambda: 1,
            clock=lambda: now[0],
        )

        def go_on(*, seconds):
            for _ in range(seconds // 20):
                maintenance.step()
                now[0] += 20
            maintenance.step()
            return maintenance

        return go_on

    def test_an_attempt_in_progress_for_too_long_is_taken_from_the_living(
        self, new, accept, begin, worker, watch
    ):
        accept(new())
        begin()
        watch(seconds=40)
        assert delivery().status == "sending"
        watch(seconds=20)
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.failure_code) == ("timed_out", "worker_lost")

    def test_what_began_meanwhile_has_its_own_time(self, new, accept, begin, worker, watch):
        accept(new("d-1"))
        begin()
        watch(seconds=40)
        accept(new("d-2"))
        begin()
        watch(seconds=40)
        assert (delivery("d-1").status, delivery("d-2").status) == ("queued", "sending")

    def test_an_outage_counts_for_no_time_in_progress(self, new, accept, begin, worker, watch):
        accept(new())
        begin()
        watch(seconds=40).note_fault()
        watch(seconds=40)
        assert delivery().status == "sending"

    def test_a_clock_that_jumps_makes_nobody_lost(self, new, accept, begin, worker, watch):
        """PostgreSQL's, by two hours ahead."""
        accept(new())
        begin()
        watch(seconds=20)
        Worker.objects.update(lease_until=later(-HOUR), last_seen_at=later(-2 * HOUR))
        Attempt.objects.update(started_at=later(-2 * HOUR))
        watch(seconds=20)
        assert delivery().status == "sending"


class TestLateOutcomes:
    @pytest.fixture
    def recovered(self, new, accept, begin, worker):
        """A delivery whose only attempt was recovered from the worker, which comes back with it."""

        def make(policy=POLICY, **changes):
            accept(new(**changes))
            (row,) = begin()
            leave(worker_id=worker.id)
            assert recover(policy=policy, silent={}, overdue=()) == 1
            return row

        return make

    def test_is_recorded_while_the_delivery_waits(self, recovered, worker):
        row = recovered()
        record(worker, completed=[(row.attempt_id, SENT)])
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.failure_code) == ("provider_accepted", None)
        assert (attempt.phase, attempt.outcome_unknown) == ("final", False)
        assert (delivery().status, delivery().last_failure_code) == ("sent", None)

    def test_a_failure_gets_the_rung_of_its_own_attempt(self, recovered, worker):
        row = recovered()
        record(worker, completed=[(row.attempt_id, RETRY)])
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.outcome_unknown) == ("transport_failed", False)
        assert delivery().next_attempt_at - attempt.finished_at == HOUR
        assert (delivery().status, delivery().attempt_count) == ("queued", 1)

    def test_is_only_logged_once_the_delivery_is_handed_out_again(
        self, recovered, begin, worker, caplog
    ):
        row = recovered()
        Delivery.objects.update(next_attempt_at=later(-HOUR))
        (again,) = begin()
        record(worker, completed=[(row.attempt_id, SENT)])
        assert "late outcome not recorded" in caplog.messages
        first, second = Attempt.objects.order_by("attempt_no")
        assert (first.status, first.outcome_unknown) == ("timed_out", True)
        assert (second.id, second.status) == (again.attempt_id, "in_progress")
        assert delivery().status == "sending"

    @pytest.mark.parametrize("last_rung", [True, False])
    def test_what_recovery_has_ended_ends_as_it_should_have(self, last_rung, recovered, worker):
        at_most_once = Policy(ladder=(HOUR,), markers=(), retries_unknown=False)
        row = recovered(replace(POLICY, ladder=()) if last_rung else at_most_once)
        assert delivery().status == ("dead_letter" if last_rung else "failed")
        record(worker, completed=[(row.attempt_id, SENT)])
        assert (delivery().status, delivery().last_failure_code) == ("sent", None)
        assert DeadLetter.objects.count() == 0

    def test_what_has_ended_waits_for_nothing_again(self, recovered, worker, caplog):
        row = recovered(replace(POLICY, ladder=()), source=Source.AUTHSESSION)
        record(worker, completed=[(row.attempt_id, RETRY)])
        assert delivery().status == "dead_letter"
        assert "late outcome not recorded" in caplog.messages

    def test_one_among_others_that_are_in_time(self, recovered, new, accept, begin, worker):
        late = recovered()
        accept(new("d-2"))
        (in_time,) = begin()
        record(worker, completed=[(late.attempt_id, SENT), (in_time.attempt_id, SENT)])
        assert (delivery().status, delivery("d-2").status) == ("sent", "sent")

    def test_an_outcome_written_before_is_no_late_one(self, new, accept, begin, worker, caplog):
        """The reply to the COMMIT was lost, and the batch is written once more."""
        accept(new())
        (row,) = begin()
        for _ in range(2):
            record(worker, completed=[(row.attempt_id, SENT)])
        assert "late outcome not recorded" not in caplog.messages
        assert delivery().status == "sent"


class TestStrays:
    """Attempts of a worker's that it does not know of: the answer to its claim was lost."""

    def test_are_given_back_after_a_fault_and_only_then(self, new, accept, begin, worker):
        accept(new("d-1"), new("d-2"))
        known, stray = begin()
        holdings = Holdings(worker_id=worker.id)
        holdings.take([known.attempt_id])
        assert holdings.settle() == 0
        holdings.suspect()
        assert holdings.settle() == 1
        assert delivery(stray.delivery_id).status == "queued"
        assert delivery(known.delivery_id).status == "sending"

    def test_are_looked_for_again_for_a_while(self, new, accept, begin, worker):
        """A claim whose connection is gone may be at work for as long as a statement may."""
        now = [0.0]
        holdings = Holdings(worker_id=worker.id, clock=lambda: now[0])
        holdings.suspect()
        assert holdings.settle() == 0
        accept(new())
        begin()
        now[0] += 30
        assert holdings.settle() == 1


class TestScheduler:
    def test_a_step_hands_out_lane_by_lane_and_leaves_held_sources(self, new, accept, worker):
        accept(new("d-1"), new("d-2", source=Source.OPERATOR_RESEND))
        Hold.objects.create(source="notification", reason="maintenance")
        scheduler = Scheduler()
        assert scheduler.step() is False
        assert (delivery("d-1").status, delivery("d-2").status) == ("queued", "sending")

    def test_nothing_is_handed_out_while_no_worker_lives(self, new, accept):
        accept(new())
        Scheduler().step()
        assert delivery().status == "queued"


def test_a_move_that_is_not_in_the_table_is_seen(new, accept):
    accept(new())
    with pytest.raises(DatabaseError, match="no move from queued to dead_letter"):
        backdate(status="dead_letter", next_attempt_at=None, finished_at=later(-HOUR))


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE deliveries SET status = 'lost'",
        "UPDATE deliveries SET status = 'sent'",
        "UPDATE deliveries SET next_attempt_at = NULL",
        "UPDATE deliveries SET attempt_count = -1",
        "UPDATE deliveries SET last_failure_code = 'bad luck'",
        "INSERT INTO attempts (delivery_pk, attempt_no, lane, status, scheduled_for)"
        " SELECT id, 1, 0, 'in_progress', now() FROM deliveries",
    ],
)
def test_the_impossible_is_impossible(wrong, new, accept):
    accept(new())
    with connection.cursor() as cursor:
        # the constraints alone must see to it
        cursor.execute("ALTER TABLE deliveries DISABLE TRIGGER watch_deliveries")
    with pytest.raises(IntegrityError), atomic(), connection.cursor() as cursor:
        cursor.execute(wrong)
