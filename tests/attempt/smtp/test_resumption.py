"""A connection that goes on with the TLS session of the one before it, and when none does."""

import select
import socket
import ssl
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from deliveries.conf import TlsMode
from deliveries.outcome.report import Event
from deliveries.states import Phase
from tests.attempt.smtp.clock import Clock
from tests.attempt.smtp.posting import ACCEPTED, Post, facts
from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Drop, Stage, by_turn
from tests.relay.scripted import ScriptedRelay
from tests.surviving.proxy import Proxy

OFFERING = [*KEYWORDS, "STARTTLS"]
PRE_SHARED_KEY = 41  # RFC 8446 section 4.2
TOO_IDLE = 6.0  # seconds after which a connection is not used again


def relay_with(context: ssl.SSLContext) -> ScriptedRelay:
    return ScriptedRelay(keywords=OFFERING, context=context)


def resumed(relay: ScriptedRelay) -> list[bool]:
    return [message.resumed for message in relay.messages]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("implicit", [False, True])
def test_the_next_connection_resumes(
    open_post: Callable[..., Post],
    authority: Authority,
    clock: Clock,
    version: ssl.TLSVersion,
    implicit: bool,
) -> None:
    context = authority.server_context()
    context.minimum_version = context.maximum_version = version
    keywords = KEYWORDS if implicit else OFFERING
    with ScriptedRelay(keywords=keywords, context=context, implicit_tls=implicit) as relay:
        post = open_post(relay, tls=TlsMode.TLS if implicit else TlsMode.STARTTLS)
        for _ in range(3):
            assert facts(post.send()) == ACCEPTED
            clock.ahead += TOO_IDLE
        assert resumed(relay) == [False, True, True]
        assert [message.connection for message in relay.messages] == [0, 1, 2]


def test_a_connection_that_broke_leaves_its_session(
    open_post: Callable[..., Post], authority: Authority
) -> None:
    script = {Stage.FINAL: by_turn(["451 4.3.0 later", Drop()], "250 2.0.0 ok")}
    with ScriptedRelay(script, keywords=OFFERING, context=authority.server_context()) as relay:
        post = open_post(relay, tls=TlsMode.STARTTLS)
        assert facts(post.send()) == (Event.REPLY, Phase.FINAL, 451, False)
        assert facts(post.send()) == ACCEPTED
        assert resumed(relay) == [False, True]


def test_the_certificate_is_looked_at_every_five_minutes(
    open_post: Callable[..., Post], authority: Authority, clock: Clock
) -> None:
    """However often the session was resumed in between."""
    with relay_with(authority.server_context()) as relay:
        post = open_post(relay, tls=TlsMode.STARTTLS)
        for _ in range(6):
            assert facts(post.send()) == ACCEPTED
            clock.ahead += 100.0
        assert resumed(relay) == [False, True, True, False, True, True]


@pytest.mark.parametrize("days", [1, -1])
def test_a_relay_that_does_not_know_the_session(
    open_post: Callable[..., Post], authority: Authority, clock: Clock, days: int
) -> None:
    """It is asked for its certificate as if there had been none."""
    with relay_with(authority.server_context()) as relay:
        post = open_post(relay, tls=TlsMode.STARTTLS)
        assert facts(post.send()) == ACCEPTED
        clock.ahead += TOO_IDLE
        relay.change_certificate(authority.server_context("127.0.0.1", days=days))
        report = post.send()
        assert resumed(relay) == ([False, False] if days > 0 else [False])
    refused = (Event.TLS_FAILED, Phase.STARTTLS, None, False)
    assert facts(report) == (ACCEPTED if days > 0 else refused)


def test_each_client_looks_at_the_certificate_itself(
    open_post: Callable[..., Post], authority: Authority
) -> None:
    with relay_with(authority.server_context()) as relay:
        for _ in range(2):
            assert facts(open_post(relay, tls=TlsMode.STARTTLS).send()) == ACCEPTED
        assert resumed(relay) == [False, False]


class Middlebox(Proxy):
    """Ends the connection of whoever asks to go on with a TLS 1.3 session."""

    def __init__(self, relay: ScriptedRelay) -> None:
        super().__init__(lambda: socket.create_connection((relay.host, relay.port)))
        self.ended = 0

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while not self._closed:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(65536)
                if source is client and asks_to_resume(data):
                    self.ended += 1
                    return
                if not data:
                    return
                other[source].sendall(data)


def asks_to_resume(data: bytes) -> bool:
    """Whether it is a ClientHello whose last extension is a pre-shared key."""
    if data[:1] != b"\x16" or data[5:6] != b"\x01":
        return False
    at = 9 + 2 + 32  # the record's and the message's heads, version, random
    for width in (1, 2, 1):  # session id, cipher suites, compression methods
        at += width + int.from_bytes(data[at : at + width], "big")
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    at += 2
    kinds = []
    while at < end:
        kinds.append(int.from_bytes(data[at : at + 2], "big"))
        at += 4 + int.from_bytes(data[at + 2 : at + 4], "big")
    return kinds[-1:] == [PRE_SHARED_KEY]


def test_a_handshake_that_fails_for_its_ticket_is_made_once_more_without(
    open_post: Callable[..., Post], authority: Authority, clock: Clock
) -> None:
    with relay_with(authority.server_context()) as relay, Middlebox(relay) as box:
        at = SimpleNamespace(host=relay.host, port=box.port)
        post = open_post(at, tls=TlsMode.STARTTLS)
        for _ in range(3):
            assert facts(post.send()) == ACCEPTED
            clock.ahead += TOO_IDLE
        assert resumed(relay) == [False] * 3
        assert box.ended == 2
