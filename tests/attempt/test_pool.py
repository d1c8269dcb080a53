"""What a pool makes of attempts that break, and of a claim that comes too late."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import OperationalError

from deliveries.attempt.pool import Pool
from deliveries.attempt.sender import Sender, Stub
from deliveries.models import Attempt, Delivery
from deliveries.outcome.verdict import Policy
from deliveries.payload import Mailbox, Payload
from deliveries.states import Source
from deliveries.transitions.claim import claim
from deliveries.transitions.handout import hand_out
from tests.attempt.claims import Lease
from tests.stack.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = timedelta(minutes=1)


class Breaking(Stub):
    def __init__(self, error):
        self.error = error

    def send(self, **_named):
        raise self.error


@pytest.fixture
def open_pool(worker):
    pools = []

    def pool(provider, count=2, **options):
        stopping = threading.Event()
        senders = [
            Sender(
                provider=provider,
                identity=Mailbox("s@example.com"),
                policy=Policy(ladder=(WAIT,), markers=(), retries_unknown=True),
                lease=Lease(),
                stopping=stopping,
            )
            for _ in range(count)
        ]
        pools.append(
            Pool(
                worker_id=worker.id,
                senders=senders,
                stopping=stopping,
                ring=lambda: None,
                shutdown_seconds=4.0,
                **options,
            )
        )
        return pools[-1]

    yield pool
    for made in pools:
        made.stop()
        assert made.join(10.0)


def run(pool, accept, new):
    accept(new())
    hand_out(source=Source.NOTIFICATION, bound=100, batch=100)
    pool.start()
    pool.step()


def test_a_defect_uses_a_rung(open_pool, accept, new, caplog):
    """Given back it would be claimed again at once, for ever, and before everything else."""
    run(open_pool(Breaking(RuntimeError("a@example.org"))), accept, new)
    wait_until(lambda: Attempt.objects.exclude(status="in_progress").exists())
    attempt, delivery = Attempt.objects.get(), Delivery.objects.get()
    assert (attempt.status, attempt.failure_code) == ("transport_failed", "protocol_error")
    assert attempt.provider_summary == "the attempt broke on a defect of this service"
    assert (delivery.status, delivery.attempt_count) == ("queued", 1)
    assert delivery.next_attempt_at - attempt.finished_at == WAIT
    assert "attempt broken by a defect" in caplog.messages


def test_a_database_that_is_away_uses_none(open_pool, accept, new, caplog):
    run(open_pool(Breaking(OperationalError("away"))), accept, new)
    wait_until(lambda: Delivery.objects.get().status == "queued")
    assert Delivery.objects.get().attempt_count == 0
    assert not Attempt.objects.exists()
    assert "attempt given back after a fault" in caplog.messages


def test_what_is_claimed_past_the_end_goes_back(open_pool, accept, new, monkeypatch):
    """Its answer comes when the recorder has ended: nobody else would give it back."""
    pool = open_pool(Stub())
    accept(new())
    hand_out(source=Source.NOTIFICATION, bound=100, batch=100)
    pool.start()
    under_way, ended = threading.Event(), threading.Event()

    def claim_late(**arguments):
        under_way.set()
        assert ended.wait(30)
        return claim(**arguments)

    monkeypatch.setattr("deliveries.attempt.pool.claim", claim_late)
    claiming = threading.Thread(target=_step_and_close, args=[pool])
    claiming.start()
    assert under_way.wait(30)
    pool.stop()
    assert pool.join(10.0)
    ended.set()
    claiming.join(30)
    assert Delivery.objects.get().status == "queued"
    assert not Attempt.objects.exists()


class Holding(Stub):
    """Takes what comes when it is told to."""

    def __init__(self):
        self.begun = 0
        self.release = threading.Event()

    def send(self, **named):
        self.begun += 1
        self.release.wait(30)
        return super().send(**named)


def test_what_waits_for_others_to_be_sent_goes_back_in_time(open_pool, accept, new):
    """Recovery counts from the claim. It is handed out again at once, and waits as long again."""
    wait, seconds = 0.2, 1.0
    provider = Holding()
    pool = open_pool(provider, count=4, longest_wait=wait)
    large = Payload(to=(Mailbox("a@example.org"),), subject="Large", text_body="x" * 7_000_000)
    accept(*(new(f"d-{number}", payload=large) for number in range(3)))
    gone_back = []
    give_back = pool._recorder.give_back
    pool._recorder.give_back = lambda ids: (gone_back.extend(ids), give_back(ids))
    pool.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        hand_out(source=Source.NOTIFICATION, bound=100, batch=100)
        pool.step()
        time.sleep(0.01)
    assert provider.begun == 1
    assert len(gone_back) >= 2
    assert len(gone_back) <= 2 * seconds / wait
    provider.release.set()
    wait_until(lambda: _all_sent(pool))
    assert provider.begun == 3
    assert list(Attempt.objects.values_list("status", flat=True)) == ["provider_accepted"] * 3
    assert set(Delivery.objects.values_list("attempt_count", flat=True)) == {1}


def test_what_has_waited_too_long_is_not_begun(open_pool, accept, new, worker):
    """Also when the loop that would have taken it away is stuck."""
    provider = Holding()
    pool = open_pool(provider, longest_wait=5.0)
    accept(new())
    hand_out(source=Source.NOTIFICATION, bound=100, batch=100)
    pool._inbox.put(claim(worker_id=worker.id, limit=1, last_lane=2), at=time.monotonic() - 5.0)
    pool.start()
    wait_until(lambda: not Attempt.objects.exists())
    assert Delivery.objects.get().status == "queued"
    assert provider.begun == 0


def _all_sent(pool):
    hand_out(source=Source.NOTIFICATION, bound=100, batch=100)
    pool.step()
    return set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


def _step_and_close(pool):
    from django.db import connection  # noqa: PLC0415 - this thread's own

    try:
        pool.step()
    finally:
        connection.close()
