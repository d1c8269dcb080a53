"""Guards, and threads that call a send away: what is given back and what is unknown."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from deliveries.attempt.smtp import session
from deliveries.outcome.report import Event, Report
from deliveries.states import Phase
from tests.attempt.smtp.posting import ACCEPTED, LARGE, Permission, Post, facts
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Pause, Stage, Stall
from tests.relay.scripted import ScriptedRelay

LOCKSTEP = [keyword for keyword in KEYWORDS if keyword != "PIPELINING"]


@dataclass
class Sending:
    """A send in a thread of its own."""

    post: Post
    message: bytes = b"Subject: a\r\n\r\nb\r\n"
    guard: Permission = field(default_factory=Permission)
    report: Report | None = None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.report = self.post.send(message=self.message, guard=self.guard)

    def result(self) -> Report:
        self._thread.join(10)
        assert self.report is not None
        return self.report

    def waits(self, seconds: float = 0.2) -> bool:
        self._thread.join(seconds)
        return self.report is None


@pytest.mark.parametrize("cut", ["abort", "give_up"])
@pytest.mark.parametrize("keywords", [KEYWORDS, LOCKSTEP], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA])
def test_called_away_before_the_dot(
    open_post: Callable[..., Post], stage: Stage, keywords: list[str], cut: str
) -> None:
    with ScriptedRelay({stage: Stall()}, keywords=keywords) as relay:
        sending = Sending(open_post(relay))
        assert relay.wait_until_reached(stage)
        assert sending.waits(0.1)
        getattr(sending.post.client, cut)()
        report = sending.result()
    assert facts(report) == (Event.GIVEN_BACK, Phase(stage.value), None, False)


@pytest.mark.parametrize("cut", ["abort", "give_up"])
def test_called_away_from_a_body_that_nobody_reads(
    open_post: Callable[..., Post], cut: str
) -> None:
    with ScriptedRelay({Stage.BODY: Stall()}) as relay:
        sending = Sending(open_post(relay), message=LARGE)
        assert relay.wait_until_reached(Stage.BODY)
        assert sending.waits()
        getattr(sending.post.client, cut)()
        report = sending.result()
    assert facts(report) == (Event.GIVEN_BACK, Phase.BODY, None, False)


def test_an_abort_at_the_last_moment(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)

        class Aborting(Permission):
            def may_finish(self) -> bool:
                post.client.abort()
                return True

        report = post.send(guard=Aborting())
        assert relay.messages == []
    assert facts(report) == (Event.GIVEN_BACK, Phase.BODY, None, False)


def test_abort_spares_what_waits_for_the_final_reply(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.FINAL: [Pause(0.5), "250 2.0.0 ok"]}) as relay:
        sending = Sending(open_post(relay))
        assert relay.wait_until_reached(Stage.FINAL)
        assert sending.waits(0.1)
        sending.post.client.abort()
        report = sending.result()
    assert facts(report) == ACCEPTED


def test_giving_up_leaves_the_outcome_unknown(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.FINAL: Stall()}) as relay:
        sending = Sending(open_post(relay))
        assert relay.wait_until_reached(Stage.FINAL)
        assert sending.waits(0.1)
        sending.post.client.abort()
        assert sending.waits()
        sending.post.client.give_up()
        report = sending.result()
    assert facts(report) == (Event.TIMEOUT, Phase.FINAL, None, True)


@pytest.mark.parametrize("cut", ["abort", "give_up"])
def test_nothing_is_sent_after_it(open_post: Callable[..., Post], cut: str) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)
        assert facts(post.send()) == ACCEPTED
        getattr(post.client, cut)()
        assert post.send().event is Event.GIVEN_BACK
        assert len(relay.messages) == 1


def test_an_abort_before_the_first_send(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)
        post.client.abort()
        assert facts(post.send()) == (Event.GIVEN_BACK, Phase.CONNECT, None, False)
        assert relay.dialogues == []


def test_a_guard_that_lets_nothing_begin(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)
        report = post.send(guard=Permission(begins=False))
        assert facts(report) == (Event.GIVEN_BACK, Phase.MAIL, None, False)
        assert relay.dialogue == ["EHLO client.test"]
        assert facts(post.send()) == ACCEPTED
        assert len(relay.dialogues) == 2


@pytest.mark.parametrize("message", [b"Subject: a\r\n\r\nb\r\n", LARGE], ids=["small", "large"])
def test_a_guard_that_lets_nothing_finish(open_post: Callable[..., Post], message: bytes) -> None:
    with ScriptedRelay() as relay:
        post = open_post(relay)
        report = post.send(message=message, guard=Permission(finishes=False))
        assert facts(report) == (Event.GIVEN_BACK, Phase.BODY, None, False)
        assert facts(post.send()) == ACCEPTED
        assert len(relay.messages) == 1


@pytest.fixture
def small_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's kernel takes little at once, so that the end of a message has to wait."""

    def connect(**arguments: Any) -> socket.socket:
        sock = real(**arguments)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return sock

    real = session.connect
    monkeypatch.setattr(session, "connect", connect)


@pytest.mark.usefixtures("small_buffer")
def test_the_guard_is_asked_again_when_the_end_has_to_wait(open_post: Callable[..., Post]) -> None:
    """A lease may run out while the relay takes its time: no dot goes out after that."""
    guard = Permission(finishes_times=1)
    message = LARGE[:250_000]  # one chunk
    with ScriptedRelay({Stage.BODY: Pause(0.3)}) as relay:
        report = open_post(relay).send(message=message, guard=guard)
        assert relay.messages == []
    assert facts(report) == (Event.GIVEN_BACK, Phase.BODY, None, False)
    assert guard.asked_to_finish == 2


@pytest.mark.usefixtures("small_buffer")
def test_an_end_that_had_to_wait_arrives(open_post: Callable[..., Post]) -> None:
    guard = Permission()
    message = LARGE[:250_000]
    with ScriptedRelay({Stage.BODY: Pause(0.3)}) as relay:
        assert facts(open_post(relay).send(message=message, guard=guard)) == ACCEPTED
    assert guard.asked_to_finish > 1


@pytest.mark.usefixtures("small_buffer")
def test_an_end_that_has_to_wait_can_be_aborted(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay({Stage.BODY: Stall()}) as relay:
        sending = Sending(open_post(relay), message=LARGE[:250_000])
        assert relay.wait_until_reached(Stage.BODY)
        assert sending.waits()
        assert sending.guard.asked_to_finish > 0
        sending.post.client.abort()
        report = sending.result()
    assert facts(report) == (Event.GIVEN_BACK, Phase.BODY, None, False)


@pytest.mark.parametrize("method", ["may_begin", "may_finish"])
def test_a_defect_is_raised_and_closes_the_connection(
    open_post: Callable[..., Post], method: str
) -> None:
    class Broken(Permission):
        pass

    def fail(_guard: Permission) -> bool:
        raise LookupError("a defect")

    setattr(Broken, method, fail)
    with ScriptedRelay() as relay:
        post = open_post(relay)
        with pytest.raises(LookupError):
            post.send(guard=Broken())
        assert facts(post.send()) == ACCEPTED
        assert len(relay.dialogues) == 2
        assert len(relay.messages) == 1
