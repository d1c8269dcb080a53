"""What a recorder makes of outcomes that come late."""

from dataclasses import replace

import pytest

from deliveries.attempt.recorder import Recorder
from deliveries.models import Attempt, DeadLetter, Delivery
from deliveries.outcome.verdict import Policy
from deliveries.process.lease import leave
from deliveries.schedule.maintenance import recover
from deliveries.states import Source
from tests.transitions.deliveries import HOUR, POLICY, RETRY, SENT, delivery, later

pytestmark = pytest.mark.django_db(transaction=True)


def record(worker, *, completed):
    """Have a recorder of this worker's write these outcomes."""
    recorder = Recorder(worker_id=worker.id, on_written=lambda _: None)
    for attempt_id, done in completed:
        recorder.completed(attempt_id, done)
    recorder.start()
    assert recorder.close(30)


class TestLateOutcomes:
    """The attempt was recovered from its worker, which comes back with its outcome."""

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
