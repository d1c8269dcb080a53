"""Mails that are large, more of them than a process holds at a time, at a relay that is slow."""

import pytest

from deliveries.models import Attempt
from deliveries.payload import Mailbox, Payload
from tests.factories import NewDeliveryFactory, accept
from tests.relay import ScriptedRelay, Stage
from tests.relay.script import Pause
from tests.stack.waiting import wait_until
from tests.system.conftest import statuses

pytestmark = [
    pytest.mark.process,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]

MAILS, MAIL_BYTES = 7, 3_600_000  # three fit at a time
# two answers take longer than an attempt may: both of the timeouts below and the lease
ANSWER_SECONDS = 15.0
ANSWERED = {Stage.FINAL: [Pause(ANSWER_SECONDS), "250 2.0.0 ok"]}


@pytest.mark.parametrize("unknown", ["retry", "fail"])
def test_who_waits_for_room_is_neither_lost_nor_sent_twice(start, unknown):
    """The last of them begins when what was claimed with the first has been overdue."""
    with ScriptedRelay(ANSWERED) as relay:
        processes = start(
            relay,
            ("run_scheduler", "run_attempts"),
            MAIL_ATTEMPT_WORKER_CONCURRENCY="16",
            MAIL_SMTP_TIMEOUT="6s",
            MAIL_SMTP_FINAL_REPLY_TIMEOUT="20s",
            MAIL_WORKER_LEASE="3s",
            MAIL_RETRY_LADDER="1s,1m",
            MAIL_UNKNOWN_OUTCOME=unknown,
        )
        text = "One line of seventy-two octets, more or less, many times over.\r\n"
        large = Payload(
            to=(Mailbox("a@example.org"),),
            subject="Large",
            text_body=text * (MAIL_BYTES // len(text)),
        )
        accept(*(NewDeliveryFactory(delivery_id=f"d-{n}", payload=large) for n in range(MAILS)))
        wait_until(lambda: list(statuses().values()).count("sent") == MAILS, seconds=120.0)
        assert len(relay.messages) == MAILS
    attempts = Attempt.objects.values_list("status", "outcome_unknown")
    assert list(attempts) == [("provider_accepted", False)] * MAILS
    assert not processes["run_scheduler"].logged("attempt of a lost worker recovered")
    assert not processes["run_attempts"].logged("late outcome not recorded")
