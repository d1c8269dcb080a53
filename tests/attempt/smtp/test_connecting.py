"""From a name to a connection."""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from deliveries.attempt.smtp.connection import connect, resolve
from deliveries.attempt.smtp.waiting import Interrupt
from deliveries.outcome.report import Event
from deliveries.states import Phase
from tests.attempt.smtp.posting import ACCEPTED, SHORT, Post, facts
from tests.relay.scripted import ScriptedRelay, closed_port, full_backlog


def at(port: int, host: str = "127.0.0.1") -> SimpleNamespace:
    return SimpleNamespace(host=host, port=port)


def soon() -> float:
    return time.monotonic() + 10.0


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What names resolve to: a list of (host, port), an error, or an event to wait for."""
    known: dict[str, Any] = {}
    released = threading.Event()
    known["released"] = released

    def look_up(host: str, port: int, *, flags: int = 0, **rest: Any) -> list[Any]:
        if host not in known or flags:
            return real(host, port, flags=flags, **rest)
        answer = known[host]
        if isinstance(answer, threading.Event):
            answer.wait(10)
            return []
        if isinstance(answer, OSError):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", place) for place in answer]

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield known
    released.set()


def test_a_closed_port(open_post: Callable[..., Post]) -> None:
    with closed_port() as port:
        report = open_post(at(port)).send()
    assert facts(report) == (Event.CONNECT_FAILED, Phase.CONNECT, None, False)
    assert report.detail == "connection refused"


def test_a_relay_that_never_accepts(open_post: Callable[..., Post]) -> None:
    with full_backlog() as port:
        report = open_post(at(port), timeout=SHORT).send()
    assert facts(report) == (Event.TIMEOUT, Phase.CONNECT, None, False)


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("relay.test", socket.gaierror(socket.EAI_NONAME, "Name or service not known")),
        ("relay.test", socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")),
    ],
)
def test_a_name_that_does_not_resolve(
    open_post: Callable[..., Post], names: dict[str, Any], host: str, error: OSError
) -> None:
    names[host] = error
    report = open_post(at(25, host)).send()
    assert facts(report) == (Event.DNS_FAILED, Phase.CONNECT, None, False)
    assert report.detail == error.strerror


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".test"])
def test_what_is_no_name(open_post: Callable[..., Post], host: str) -> None:
    report = open_post(at(25, host)).send()
    assert facts(report) == (Event.DNS_FAILED, Phase.CONNECT, None, False)


def test_a_look_up_counts_in_the_budget(
    open_post: Callable[..., Post], names: dict[str, Any]
) -> None:
    names["slow.test"] = names["released"]
    report = open_post(at(25, "slow.test"), timeout=SHORT).send()
    assert facts(report) == (Event.TIMEOUT, Phase.CONNECT, None, False)


def test_a_look_up_can_be_aborted(open_post: Callable[..., Post], names: dict[str, Any]) -> None:
    names["slow.test"] = names["released"]
    post = open_post(at(25, "slow.test"))
    timer = threading.Timer(0.1, post.client.abort)
    timer.start()
    report = post.send()
    timer.join()
    assert facts(report) == (Event.GIVEN_BACK, Phase.CONNECT, None, False)


def test_the_next_address_is_tried(open_post: Callable[..., Post], names: dict[str, Any]) -> None:
    with ScriptedRelay() as relay, closed_port() as closed:
        names["relay.test"] = [("127.0.0.1", closed), ("127.0.0.1", relay.port)]
        assert facts(open_post(at(25, "relay.test")).send()) == ACCEPTED


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    open_post: Callable[..., Post], names: dict[str, Any]
) -> None:
    with ScriptedRelay() as relay, full_backlog() as full:
        names["relay.test"] = [("127.0.0.1", full), ("127.0.0.1", relay.port)]
        assert facts(open_post(at(25, "relay.test"), timeout=2.0).send()) == ACCEPTED


def test_the_last_address_decides(names: dict[str, Any]) -> None:
    with full_backlog() as full, closed_port() as closed:
        names["relay.test"] = [("127.0.0.1", full), ("127.0.0.1", closed)]
        with pytest.raises(ConnectionRefusedError):
            connect(
                host="relay.test", port=25, deadline=time.monotonic() + 0.4, interrupt=Interrupt()
            )


def test_a_name_without_addresses(names: dict[str, Any]) -> None:
    names["empty.test"] = []
    with pytest.raises(OSError, match="assign") as caught:
        connect(host="empty.test", port=25, deadline=soon(), interrupt=Interrupt())
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_look_up(names: dict[str, Any], host: str) -> None:
    before = threading.active_count()
    found = resolve(host=host, port=2525, deadline=soon(), interrupt=Interrupt())
    assert [address[:2] for *_, address in found] == [(host, 2525)]
    assert threading.active_count() == before


def test_a_name_of_this_host(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        assert facts(open_post(at(relay.port, "localhost")).send()) == ACCEPTED
