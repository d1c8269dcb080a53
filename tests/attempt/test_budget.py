"""One budget for all transactions of an attempt, at a relay that takes one recipient each time."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from deliveries.attempt.sender import Sender
from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.relay import Relay
from deliveries.conf import TlsMode
from deliveries.outcome.verdict import Policy
from deliveries.payload import Mailbox
from deliveries.states import DeliveryStatus
from tests.attempt.claims import Lease, claimed
from tests.relay.script import Pause, Stage, Stall, by_turn
from tests.relay.scripted import ScriptedRelay

TIMEOUT = 0.5
WAIT = timedelta(minutes=1)
EVERYONE = ("a@x.org", "b@x.org", "c@x.org")


@pytest.fixture
def sender(relay: ScriptedRelay) -> Iterator[Sender]:
    client = Client(
        Relay(
            host=relay.host,
            port=relay.port,
            tls=TlsMode.NONE,
            helo_name="client.test",
            timeout=TIMEOUT,
            final_reply_timeout=10.0,
        )
    )
    yield Sender(
        provider=client,
        identity=Mailbox("s@example.com"),
        policy=Policy(ladder=(WAIT,), markers=(), retries_unknown=True),
        lease=Lease(),
        stopping=threading.Event(),
    )
    client.close()


@pytest.fixture
def relay(request: pytest.FixtureRequest) -> Iterator[ScriptedRelay]:
    with ScriptedRelay(request.param, most_recipients=1) as relay:
        yield relay


@pytest.mark.parametrize("relay", [{}], indirect=True)
def test_there_is_time_for_all(relay: ScriptedRelay, sender: Sender) -> None:
    ending = sender.send(claimed(to=EVERYONE))
    assert (ending.status, ending.recipients_accepted) == (DeliveryStatus.SENT, 3)
    assert len(relay.messages) == 3


@pytest.mark.parametrize(
    "relay", [{Stage.FINAL: [Pause(TIMEOUT + 0.1), "250 2.0.0 ok"]}], indirect=True
)
def test_no_transaction_begins_past_it(relay: ScriptedRelay, sender: Sender) -> None:
    """The first one's final reply came in its own time, and left none for another."""
    ending = sender.send(claimed(to=EVERYONE))
    assert (ending.status, ending.retry_after) == (None, WAIT)
    assert (ending.recipients_accepted, ending.recipients_left) == (1, ("b@x.org", "c@x.org"))
    assert len(relay.messages) == 1


@pytest.mark.parametrize("relay", [{Stage.MAIL: by_turn("250 2.1.0 ok", Stall())}], indirect=True)
def test_it_runs_out_in_the_second(relay: ScriptedRelay, sender: Sender) -> None:
    """Who was accepted before stays so, and the third recipient is not tried after that."""
    ending = sender.send(claimed(to=EVERYONE))
    assert (ending.status, ending.retry_after) == (None, WAIT)
    assert (ending.recipients_accepted, ending.recipients_left) == (1, ("b@x.org", "c@x.org"))
    assert not ending.attempt.outcome_unknown
    assert [m.recipients for m in relay.messages] == [("RCPT TO:<a@x.org>",)]
    assert sum(line.startswith("MAIL") for line in relay.dialogue) == 2
