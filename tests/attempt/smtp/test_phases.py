"""Every phase with every fault: what is reported, and whether the final dot was written."""

import time
from collections.abc import Callable

import pytest

from deliveries.outcome.report import Event
from deliveries.states import Phase
from tests.attempt.smtp.posting import ACCEPTED, LARGE, SHORT, Permission, Post, facts
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Acts, Drip, Drop, Pause, Reset, Send, Stage, Stall
from tests.relay.scripted import ScriptedRelay

LOCKSTEP = [keyword for keyword in KEYWORDS if keyword != "PIPELINING"]
STAGES = {
    Stage.GREETING: Phase.GREETING,
    Stage.EHLO: Phase.EHLO,
    Stage.MAIL: Phase.MAIL,
    Stage.RCPT: Phase.RCPT,
    Stage.DATA: Phase.DATA,
    Stage.FINAL: Phase.FINAL,
}
REPLY, LOST = Event.REPLY, Event.CONNECTION_LOST
PROTOCOL_ERROR, TIMEOUT = Event.PROTOCOL_ERROR, Event.TIMEOUT

# name -> what the relay does, what the report says
REFUSALS: dict[str, tuple[Acts, Event, int | None]] = {
    "4xx": ("450 4.7.0 later", REPLY, 450),
    "5xx": ("554 5.7.1 never", REPLY, 554),
    "421": (["421 4.3.2 closing", Drop()], REPLY, 421),
    "421 without closing": ("421 4.3.2 closing", REPLY, 421),
    "many lines": ("554 5.7.1 never\nask\nagain", REPLY, 554),
    "bad UTF-8": (Send(b"554 \xff\xfe\r\n"), REPLY, 554),
    "NUL": (Send(b"554 a\x00b\r\n"), REPLY, 554),
    "bare LF": (Send(b"554 a\n"), REPLY, 554),
    "split": ([Send(b"55"), Pause(0.02), Send(b"4 ne"), Pause(0.02), Send(b"ver\r\n")], REPLY, 554),
    "dripped in time": (Drip(b"554 no\r\n", 0.001), REPLY, 554),
}
SILENCES: dict[str, tuple[Acts, Event, int | None]] = {
    "stall": (Stall(), TIMEOUT, None),
    "drip": (Drip(b"250-" + b"x" * 200, 0.05), TIMEOUT, None),
    "continued and silent": ([Send(b"250-a\r\n"), Stall()], TIMEOUT, None),
    "drop": (Drop(), LOST, None),
    "reset": (Reset(), LOST, None),
    "cut reply": ([Send(b"250 o"), Drop()], LOST, None),
    "cut lines": ([Send(b"250-ok\r\n"), Drop()], LOST, None),
    "garbage": (Send(b"what is this\r\n"), PROTOCOL_ERROR, None),
    "garbage without an end": ([Send(b"\x15\x03\x01\x00\x02\x02F"), Stall()], PROTOCOL_ERROR, None),
    "long line": (Send(b"250 " + b"x" * 5000 + b"\r\n"), PROTOCOL_ERROR, None),
    "endless lines": (Send(b"250-on and on\r\n" * 2000), PROTOCOL_ERROR, None),
    "two codes": (Send(b"250-a\r\n550 b\r\n"), PROTOCOL_ERROR, None),
    "preliminary": ("150 wait", PROTOCOL_ERROR, None),
    "out of place": ("334 VXNlcm5hbWU6", PROTOCOL_ERROR, 334),
}


@pytest.mark.parametrize("keywords", [KEYWORDS, LOCKSTEP], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", REFUSALS)
def test_a_refusal_is_reported_where_it_came(
    open_post: Callable[..., Post], fault: str, stage: Stage, keywords: list[str]
) -> None:
    acts, event, code = REFUSALS[fault]
    with ScriptedRelay({stage: acts}, keywords=keywords) as relay:
        report = open_post(relay).send()
    assert facts(report) == (event, STAGES[stage], code, False)
    assert not (relay.messages and stage is not Stage.FINAL)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("fault", "keywords"),
    [
        *((fault, KEYWORDS) for fault in SILENCES),
        *((fault, LOCKSTEP) for fault in SILENCES if fault not in {"drip", "continued and silent"}),
    ],
)
def test_no_reply_leaves_the_outcome_unknown_only_after_the_dot(
    open_post: Callable[..., Post], fault: str, stage: Stage, keywords: list[str]
) -> None:
    acts, event, code = SILENCES[fault]
    seconds = SHORT if event is TIMEOUT else 10.0
    with ScriptedRelay({stage: acts}, keywords=keywords) as relay:
        report = open_post(relay, timeout=seconds, final_reply_timeout=seconds).send()
    assert facts(report) == (event, STAGES[stage], code, stage is Stage.FINAL)
    assert not (relay.messages and stage is not Stage.FINAL)


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
