"""Where in the dialogue an end is reported, and whether the final dot was written."""

import time
from collections.abc import Callable

import pytest

from deliveries.outcome.report import Event
from deliveries.states import Phase
from tests.attempt.smtp.posting import ACCEPTED, LARGE, SHORT, Permission, Post, facts
from tests.relay.script import Acts, Drop, Pause, Reset, Send, Stage, Stall
from tests.relay.scripted import ScriptedRelay

REPLY, LOST = Event.REPLY, Event.CONNECTION_LOST
PROTOCOL_ERROR, TIMEOUT = Event.PROTOCOL_ERROR, Event.TIMEOUT


@pytest.mark.parametrize(
    ("acts", "event", "code"),
    [
        (Stall(), TIMEOUT, None),
        (Drop(), LOST, None),
        (Reset(), LOST, None),
        (["552 5.3.4 too much", Stall()], REPLY, 552),
        ([Pause(0.1), "552 5.3.4 too much", Stall()], REPLY, 552),
        ([Pause(0.1), Send(b"552 too"), Pause(0.1), Send(b" much\r\n"), Stall()], REPLY, 552),
        (["552 5.3.4 too much", Drop()], REPLY, 552),
        ([Pause(0.1), "552 5.3.4 too much", Drop()], REPLY, 552),
        (["421 4.3.2 closing", Drop()], REPLY, 421),
        (["250 2.0.0 thank you", Stall()], PROTOCOL_ERROR, 250),
        ([Send(b"garbage\r\n"), Stall()], PROTOCOL_ERROR, None),
    ],
)
def test_the_body_of_a_large_message(
    open_post: Callable[..., Post], acts: Acts, event: Event, code: int | None
) -> None:
    """The kernel never gets the final dot, so whatever happens the outcome is known."""
    seconds = SHORT if event is TIMEOUT else 60.0
    with ScriptedRelay({Stage.BODY: acts}) as relay:
        report = open_post(relay, timeout=seconds).send(message=LARGE)
    assert facts(report) == (event, Phase.BODY, code, False)


def test_a_large_message_arrives_whole(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        report = open_post(relay).send(message=LARGE)
    assert facts(report) == ACCEPTED
    (message,) = relay.messages
    assert message.content == LARGE


def test_a_small_message_to_a_relay_that_resets_is_unknown(
    open_post: Callable[..., Post],
) -> None:
    """All of it was with the kernel before the relay was found to have gone."""
    with ScriptedRelay({Stage.BODY: [Pause(0.1), Reset()]}) as relay:
        report = open_post(relay).send()
    assert facts(report) == (LOST, Phase.FINAL, None, True)


def test_a_reply_before_the_message_is_none_to_the_message(
    open_post: Callable[..., Post],
) -> None:
    with ScriptedRelay({Stage.DATA: Send(b"354 go\r\n250 2.0.0 ok\r\n")}) as relay:
        report = open_post(relay).send()
    assert facts(report) == (PROTOCOL_ERROR, Phase.BODY, 250, False)
    assert relay.messages == []


@pytest.mark.parametrize(
    ("stage", "phase"), [(Stage.GREETING, Phase.EHLO), (Stage.EHLO, Phase.MAIL)]
)
def test_a_reply_to_nothing_is_not_taken_for_the_next(
    open_post: Callable[..., Post], stage: Stage, phase: Phase
) -> None:
    code = b"220" if stage is Stage.GREETING else b"250"
    with ScriptedRelay({stage: Send(code + b" ok\r\n250 ok\r\n")}) as relay:
        report = open_post(relay).send()
    assert facts(report) == (PROTOCOL_ERROR, phase, None, False)


def test_a_good_bye_behind_a_reply_is_heard(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.EHLO: [Send(b"250 ok\r\n421 bye\r\n"), Drop()]}) as relay:
        report = open_post(relay).send()
    assert facts(report) == (REPLY, Phase.MAIL, 421, False)


def test_what_a_relay_said_before_it_went_is_heard(open_post: Callable[..., Post]) -> None:
    """The write fails, and the reason is there to be read."""

    class Late(Permission):
        def may_begin(self) -> bool:
            time.sleep(0.3)
            return True

    acts: Acts = ["250 relay.test", Pause(0.05), "421 4.3.2 closing", Reset()]
    with ScriptedRelay({Stage.EHLO: acts}) as relay:
        report = open_post(relay).send(guard=Late())
    assert facts(report) == (REPLY, Phase.MAIL, 421, False)


def test_accepted_and_dropped_is_accepted(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.FINAL: ["250 2.0.0 ok", Drop()]}) as relay:
        post = open_post(relay)
        assert facts(post.send()) == ACCEPTED
        assert facts(post.send()) == ACCEPTED
        assert len(relay.dialogues) == 2


@pytest.mark.parametrize("code", ["500", "502"])
def test_helo_where_the_relay_knows_no_ehlo(open_post: Callable[..., Post], code: str) -> None:
    with ScriptedRelay({Stage.EHLO: f"{code} 5.5.1 what"}) as relay:
        assert facts(open_post(relay).send()) == ACCEPTED
        assert relay.dialogue[:3] == [
            "EHLO client.test",
            "HELO client.test",
            "MAIL FROM:<from@sender.test>",
        ]


def test_no_helo_where_a_login_is_needed(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.EHLO: "502 5.5.1 what"}) as relay:
        report = open_post(relay, username="user", password="secret").send()
        assert facts(report) == (REPLY, Phase.EHLO, 502, False)
        assert relay.dialogue == ["EHLO client.test"]
