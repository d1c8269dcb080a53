"""One connection for many messages, and when it is given up."""

from collections.abc import Callable

import pytest

from deliveries.outcome.report import Event
from deliveries.states import Phase
from tests.attempt.smtp.clock import Clock
from tests.attempt.smtp.posting import ACCEPTED, SHORT, Permission, Post, facts
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Acts, Drop, Pause, Reset, Script, Send, Stage, Stall, by_turn
from tests.relay.scripted import ScriptedRelay

LOCKSTEP = [keyword for keyword in KEYWORDS if keyword != "PIPELINING"]


def test_messages_share_a_connection(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)
        assert {facts(post.send()) for _ in range(5)} == {ACCEPTED}
        assert [message.connection for message in relay.messages] == [0] * 5
        assert relay.dialogue.count("EHLO client.test") == 1
        assert "RSET" not in relay.dialogue


def test_at_most_a_hundred_messages(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)
        assert {facts(post.send()) for _ in range(201)} == {ACCEPTED}
        numbers = [message.connection for message in relay.messages]
        assert relay.wait_for("QUIT")
    assert numbers == [0] * 100 + [1] * 100 + [2]


@pytest.mark.parametrize(
    ("steps", "connections"),
    [
        ([4.0], 1),
        ([5.5], 2),
        ([4.0] * 14, 1),  # 56 s old
        ([4.0] * 15, 2),  # 60 s old
    ],
)
def test_not_too_old_and_not_too_long_idle(
    open_post: Callable[..., Post], clock: Clock, steps: list[float], connections: int
) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)
        post.send()
        for step in steps:
            clock.ahead += step
            assert facts(post.send()) == ACCEPTED
        assert len(relay.dialogues) == connections


@pytest.mark.parametrize(
    "acts",
    [
        ["250 2.0.0 ok", Drop()],
        ["250 2.0.0 ok", Reset()],
        ["250 2.0.0 ok", "421 4.4.2 idle too long", Drop()],
        [Send(b"250 ok\r\n250 and more\r\n")],
    ],
)
def test_a_connection_that_ended_between_messages_is_not_used(
    open_post: Callable[..., Post], acts: Acts
) -> None:
    with ScriptedRelay({Stage.FINAL: acts}) as relay:
        post = open_post(relay)
        guard = Permission()
        for _ in range(3):
            assert facts(post.send(guard=guard)) == ACCEPTED
        assert [message.connection for message in relay.messages] == [0, 1, 2]


@pytest.mark.parametrize("keywords", [KEYWORDS, LOCKSTEP], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize(
    "acts",
    [
        Drop(),
        Reset(),
        ["421 4.4.2 idle too long", Drop()],
        [Send(b"42"), Drop()],
        "421 4.4.2 idle too long",
    ],
)
def test_a_used_connection_that_dies_at_mail_is_opened_again_once(
    open_post: Callable[..., Post], acts: Acts, keywords: list[str]
) -> None:
    script: Script = {Stage.MAIL: by_turn("250 ok", acts, "250 ok")}
    with ScriptedRelay(script, keywords=keywords) as relay:
        post = open_post(relay)
        guard = Permission()
        assert [facts(post.send(guard=guard)) for _ in range(2)] == [ACCEPTED] * 2
        assert [message.connection for message in relay.messages] == [0, 1]
    assert guard.asked_to_begin == 3  # once for each MAIL


def test_only_once(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.MAIL: by_turn("250 ok", Drop())}) as relay:
        post = open_post(relay)
        assert facts(post.send()) == ACCEPTED
        assert facts(post.send()) == (Event.CONNECTION_LOST, Phase.MAIL, None, False)
        assert len(relay.dialogues) == 2


@pytest.mark.parametrize(
    ("acts", "event", "code"),
    [
        (Drop(), Event.CONNECTION_LOST, None),
        (["421 4.7.0 too many connections", Drop()], Event.REPLY, 421),
    ],
)
def test_a_new_connection_is_not_opened_again(
    open_post: Callable[..., Post], acts: Acts, event: Event, code: int | None
) -> None:
    with ScriptedRelay({Stage.MAIL: acts}) as relay:
        report = open_post(relay).send()
        assert len(relay.dialogues) == 1
    assert facts(report) == (event, Phase.MAIL, code, False)


def test_a_used_connection_that_stalls_at_mail_is_an_attempt(
    open_post: Callable[..., Post],
) -> None:
    with ScriptedRelay({Stage.MAIL: by_turn("250 ok", Stall())}) as relay:
        post = open_post(relay, timeout=SHORT)
        assert facts(post.send()) == ACCEPTED
        assert facts(post.send()) == (Event.TIMEOUT, Phase.MAIL, None, False)
        assert len(relay.dialogues) == 1


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA, Stage.FINAL])
def test_a_used_connection_that_dies_later_is_an_attempt(
    open_post: Callable[..., Post], stage: Stage
) -> None:
    well = {Stage.RCPT: "250 ok", Stage.DATA: "354 go", Stage.FINAL: "250 ok"}
    with ScriptedRelay({stage: by_turn(well[stage], Drop())}) as relay:
        post = open_post(relay)
        assert facts(post.send()) == ACCEPTED
        unknown = stage is Stage.FINAL
        assert facts(post.send()) == (Event.CONNECTION_LOST, Phase(stage.value), None, unknown)
        assert len(relay.dialogues) == 1


@pytest.mark.parametrize(
    ("script", "keywords", "connections"),
    [
        ({Stage.FINAL: by_turn("554 5.7.1 spam", "250 ok")}, KEYWORDS, 1),
        ({Stage.FINAL: by_turn("451 4.3.0 later", "250 ok")}, KEYWORDS, 1),
        ({Stage.FINAL: by_turn("421 4.3.0 later", "250 ok")}, KEYWORDS, 2),
        ({Stage.DATA: by_turn("451 4.3.0 later", "354 go")}, KEYWORDS, 1),
        ({Stage.MAIL: by_turn("451 4.3.0 later", "250 ok")}, LOCKSTEP, 1),
        # the other replies are on their way, and the relay does not want this sender now
        ({Stage.MAIL: by_turn("451 4.3.0 later", "250 ok")}, KEYWORDS, 2),
    ],
)
def test_what_a_refusal_leaves(
    open_post: Callable[..., Post], script: Script, keywords: list[str], connections: int
) -> None:
    with ScriptedRelay(script, keywords=keywords) as relay:
        post = open_post(relay)
        post.send()
        assert facts(post.send()) == ACCEPTED
        assert len(relay.dialogues) == connections


def test_a_transaction_left_open_is_reset_with_the_next(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.DATA: by_turn("451 4.3.0 later", "354 go")}) as relay:
        post = open_post(relay)
        post.send()
        assert "RSET" not in relay.dialogue
        assert [facts(post.send()) for _ in range(2)] == [ACCEPTED] * 2
        assert relay.dialogue.count("RSET") == 1


@pytest.mark.parametrize("acts", ["500 5.5.1 what", Drop(), "421 bye", "334 what"])
def test_a_reset_refused_is_no_attempt(open_post: Callable[..., Post], acts: Acts) -> None:
    script: Script = {Stage.DATA: by_turn("451 4.3.0 later", "354 go"), Stage.RSET: acts}
    with ScriptedRelay(script) as relay:
        post = open_post(relay)
        post.send()
        assert facts(post.send()) == ACCEPTED
        assert len(relay.dialogues) == 2


def test_reopening_shares_the_budget(open_post: Callable[..., Post]) -> None:
    script: Script = {Stage.MAIL: by_turn("250 ok", [Pause(0.2), Drop()], Stall())}
    with ScriptedRelay(script) as relay:
        post = open_post(relay, timeout=0.6)
        assert facts(post.send()) == ACCEPTED
        assert facts(post.send()) == (Event.TIMEOUT, Phase.MAIL, None, False)


def test_close_says_quit_and_the_next_send_opens_again(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)
        post.send()
        post.client.close()
        post.client.close()
        assert relay.wait_for("QUIT")
        assert facts(post.send()) == ACCEPTED
        assert len(relay.dialogues) == 2
