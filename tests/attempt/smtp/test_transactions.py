"""One transaction: what is asked, with which parameters, and what each recipient got."""

from collections.abc import Callable

import pytest

from deliveries.attempt.smtp.envelope import Envelope
from deliveries.outcome.report import Event, Report
from deliveries.states import Phase
from tests.attempt.smtp.posting import ACCEPTED, MESSAGE, Permission, Post, facts
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Acts, ByRecipient, Drop, Reset, Script, Stage, Stall, by_turn
from tests.relay.scripted import ScriptedRelay

LOCKSTEP = [keyword for keyword in KEYWORDS if keyword != "PIPELINING"]
BOTH = pytest.mark.parametrize("keywords", [KEYWORDS, LOCKSTEP], ids=["pipelined", "lockstep"])


def codes(report: Report) -> list[int | None]:
    return [got.reply.code if got.reply else None for got in report.recipients]


@BOTH
@pytest.mark.parametrize("merged", [False, True])
def test_the_dialogue(open_post: Callable[..., Post], keywords: list[str], merged: bool) -> None:
    with ScriptedRelay(keywords=keywords, merged=merged) as relay:
        report = open_post(relay).send("a@x.test", "b@x.test")
        assert relay.dialogue == [
            "EHLO client.test",
            f"MAIL FROM:<from@sender.test> SIZE={len(MESSAGE)}",
            "RCPT TO:<a@x.test>",
            "RCPT TO:<b@x.test>",
            "DATA",
        ]
        (message,) = relay.messages
    assert message.content == MESSAGE
    assert facts(report) == ACCEPTED
    assert report.reply is not None
    assert report.reply.summary == "250 2.0.0 queued as 1"
    assert [got.address for got in report.recipients] == ["a@x.test", "b@x.test"]
    assert codes(report) == [250, 250]


@BOTH
def test_a_hundred_recipients(open_post: Callable[..., Post], keywords: list[str]) -> None:
    recipients = [f"{number}-{'x' * 60}@{'y' * 180}.test" for number in range(100)]
    with ScriptedRelay(keywords=keywords) as relay:
        report = open_post(relay).send(*recipients)
        (message,) = relay.messages
    assert message.recipients == tuple(f"RCPT TO:<{address}>" for address in recipients)
    assert [got.address for got in report.recipients] == recipients
    assert codes(report) == [250] * 100


@BOTH
def test_mixed_recipients(open_post: Callable[..., Post], keywords: list[str]) -> None:
    refused = {"b@x.test": "450 4.2.0 later", "d@x.test": "550 5.1.1 no such user"}
    with ScriptedRelay({Stage.RCPT: ByRecipient(refused)}, keywords=keywords) as relay:
        report = open_post(relay).send("a@x.test", "b@x.test", "c@x.test", "d@x.test")
        assert len(relay.messages) == 1
    assert facts(report) == ACCEPTED
    assert codes(report) == [250, 450, 250, 550]


@BOTH
@pytest.mark.parametrize("data", ["503 5.5.1 no recipients", "554 5.5.1 no recipients"])
def test_all_refused_keeps_the_connection(
    open_post: Callable[..., Post], keywords: list[str], data: str
) -> None:
    refused = {"a@x.test": "450 4.2.0 later", "b@x.test": "550 5.1.1 no such user"}
    script: Script = {
        Stage.RCPT: ByRecipient(refused),
        Stage.DATA: by_turn(data, "354 go") if keywords is KEYWORDS else "354 go",
    }
    with ScriptedRelay(script, keywords=keywords) as relay:
        post = open_post(relay)
        report = post.send("a@x.test", "b@x.test")
        assert facts(report) == (Event.REPLY, Phase.RCPT, 550, False)
        assert codes(report) == [450, 550]
        assert facts(post.send()) == ACCEPTED
        assert relay.dialogue.count("DATA") == (2 if keywords is KEYWORDS else 1)
        assert relay.dialogue.count("RSET") == 1
        assert len(relay.messages) == 1


@pytest.mark.parametrize("acts", ["354 go", "250 what", Drop(), Reset(), ["421 bye", Drop()]])
def test_no_lone_dot_for_nobody(open_post: Callable[..., Post], acts: Acts) -> None:
    """Whatever DATA is answered, everybody's refusal stands and the connection is closed."""
    with ScriptedRelay({Stage.RCPT: "550 5.1.1 no", Stage.DATA: acts}) as relay:
        post = open_post(relay)
        for _ in range(2):
            assert facts(post.send()) == (Event.REPLY, Phase.RCPT, 550, False)
        assert relay.messages == []
        assert len(relay.dialogues) == 2


def test_a_stall_after_everybodys_refusal_changes_nothing(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.RCPT: "550 5.1.1 no", Stage.DATA: Stall()}) as relay:
        report = open_post(relay, timeout=0.4).send()
    assert facts(report) == (Event.REPLY, Phase.RCPT, 550, False)


@BOTH
def test_mail_refused_asks_nobody(open_post: Callable[..., Post], keywords: list[str]) -> None:
    with ScriptedRelay({Stage.MAIL: "550 5.7.1 not you"}, keywords=keywords) as relay:
        report = open_post(relay).send("a@x.test", "b@x.test")
    assert facts(report) == (Event.REPLY, Phase.MAIL, 550, False)
    assert codes(report) == [None, None]


@BOTH
def test_a_good_bye_among_the_recipients(
    open_post: Callable[..., Post], keywords: list[str]
) -> None:
    script: Script = {Stage.RCPT: ByRecipient({"b@x.test": ["421 4.3.2 bye", Drop()]})}
    with ScriptedRelay(script, keywords=keywords) as relay:
        report = open_post(relay).send("a@x.test", "b@x.test", "c@x.test")
    assert facts(report) == (Event.REPLY, Phase.RCPT, 421, False)
    assert codes(report) == [250, 421, None]


@BOTH
def test_lost_among_the_recipients(open_post: Callable[..., Post], keywords: list[str]) -> None:
    script: Script = {Stage.RCPT: ByRecipient({"b@x.test": Drop()})}
    with ScriptedRelay(script, keywords=keywords) as relay:
        report = open_post(relay).send("a@x.test", "b@x.test", "c@x.test")
    assert facts(report) == (Event.CONNECTION_LOST, Phase.RCPT, None, False)
    assert codes(report) == [250, None, None]


@pytest.mark.parametrize(
    ("keywords", "message", "smtputf8", "parameters"),
    [
        ([], b"a\r\n", False, ""),
        (["SIZE"], b"a\r\n", False, " SIZE=3"),
        (["SIZE 0"], b".a\r\n", False, " SIZE=4"),
        (["SIZE 3"], b"a\r\n", False, " SIZE=3"),
        (["SIZE lots"], b"a\r\n", False, " SIZE=3"),
        (["8BITMIME"], b"a\r\n", False, ""),
        (["8BITMIME"], b"\xc3\xa9\r\n", False, " BODY=8BITMIME"),
        ([], b"\xc3\xa9\r\n", False, ""),
        (["SMTPUTF8"], b"a\r\n", False, ""),
        (["SMTPUTF8", "8BITMIME"], b"a\r\n", True, " SMTPUTF8 BODY=8BITMIME"),
        (["size 9", "smtputf8"], b"a\r\n", True, " SIZE=3 SMTPUTF8 BODY=8BITMIME"),
    ],
)
def test_parameters_of_mail(
    open_post: Callable[..., Post],
    keywords: list[str],
    message: bytes,
    smtputf8: bool,
    parameters: str,
) -> None:
    with ScriptedRelay(keywords=keywords) as relay:
        report = open_post(relay).send(message=message, smtputf8=smtputf8)
        assert relay.dialogue[1] == f"MAIL FROM:<from@sender.test>{parameters}"
    assert facts(report) == ACCEPTED


def test_a_non_ascii_local_part(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        assert facts(open_post(relay).send("gr\u00fc\u00df@x.test", smtputf8=True)) == ACCEPTED
        assert relay.dialogue[2] == "RCPT TO:<gr\u00fc\u00df@x.test>"


@pytest.mark.parametrize(
    ("keywords", "smtputf8", "event"),
    [
        (["SIZE 2"], False, Event.MESSAGE_TOO_LARGE),
        (["SIZE 50"], True, Event.SMTPUTF8_UNAVAILABLE),
    ],
)
def test_what_is_known_before_is_not_asked(
    open_post: Callable[..., Post], keywords: list[str], smtputf8: bool, event: Event
) -> None:
    guard = Permission()
    with ScriptedRelay(keywords=keywords) as relay:
        post = open_post(relay)
        for _ in range(2):
            report = post.send(message=b"a\r\n", smtputf8=smtputf8, guard=guard)
            assert facts(report) == (event, Phase.MAIL, None, False)
        assert relay.dialogue == ["EHLO client.test"]
    assert guard.asked_to_begin == 0


@pytest.mark.parametrize(
    ("sender", "recipients", "smtputf8"),
    [
        ("a@x.test", [], False),
        ("a@x.test", ["b@x.test>\r\nRCPT TO:<c@x.test"], False),
        ("a@x.test\n", ["b@x.test"], False),
        ("a@x.test", ["b c@x.test"], True),
        ("a@x.test", ["b\x00@x.test"], True),
        ("a@x.test", ["b@x.test>"], False),
        ("a@x.test", ["gr\u00fc\u00df@x.test"], False),
    ],
)
def test_an_envelope_that_no_command_can_carry(
    sender: str, recipients: list[str], smtputf8: bool
) -> None:
    with pytest.raises(ValueError, match=r"address|recipient") as caught:
        Envelope(sender, recipients, smtputf8=smtputf8)
    assert "x.test" not in str(caught.value)


def test_an_envelope_shows_nobody() -> None:
    assert repr(Envelope("a@x.test", ("b@x.test",))) == "Envelope(smtputf8=False)"


def test_dots_arrive_as_they_were(open_post: Callable[..., Post]) -> None:
    message = b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n"
    with ScriptedRelay() as relay:
        open_post(relay).send(message=message)
        assert [got.content for got in relay.messages] == [message]
