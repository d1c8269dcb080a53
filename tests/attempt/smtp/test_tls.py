"""STARTTLS and TLS from the first byte: verified, and never without."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from deliveries.attempt.smtp.relay import Relay, make_ssl_context
from deliveries.attempt.smtp.tls import TlsLayer
from deliveries.conf import TlsMode
from deliveries.outcome.report import Event
from deliveries.states import Phase
from tests.attempt.smtp.posting import ACCEPTED, LARGE, SHORT, Post, facts
from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Acts, Drop, Send, Stage, Stall
from tests.relay.scripted import ScriptedRelay

OFFERING = [*KEYWORDS, "STARTTLS"]
TLS_FAILED, UNAVAILABLE = Event.TLS_FAILED, Event.STARTTLS_UNAVAILABLE
MODES = {TlsMode.STARTTLS: Phase.STARTTLS, TlsMode.TLS: Phase.CONNECT}


def relay_with(mode: TlsMode, context: ssl.SSLContext, script: Any = None) -> ScriptedRelay:
    keywords = OFFERING if mode is TlsMode.STARTTLS else KEYWORDS
    implicit = mode is TlsMode.TLS
    return ScriptedRelay(script, keywords=keywords, context=context, implicit_tls=implicit)


@pytest.mark.parametrize("message", [b"Subject: a\r\n\r\nb\r\n", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("mode", MODES)
def test_mail_goes_under_tls(
    open_post: Callable[..., Post], authority: Authority, mode: TlsMode, message: bytes
) -> None:
    with relay_with(mode, authority.server_context()) as relay:
        post = open_post(relay, tls=mode)
        assert [facts(post.send(message=message)) for _ in range(3)] == [ACCEPTED] * 3
        assert [(got.is_tls, got.content == message) for got in relay.messages] == [
            (True, True)
        ] * 3
        assert len(relay.dialogues) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("host", "days", "trusts", "said"),
    [
        ("127.0.0.1", 1, False, "unable to get local issuer certificate"),
        ("127.0.0.1", -1, True, "certificate has expired"),
        ("127.0.0.2", 1, True, "IP address mismatch"),
    ],
)
def test_a_wrong_certificate(
    open_post: Callable[..., Post],
    authority: Authority,
    mode: TlsMode,
    host: str,
    days: int,
    trusts: bool,
    said: str,
) -> None:
    different = {} if trusts else {"ssl_context": make_ssl_context(None)}
    with relay_with(mode, authority.server_context(host, days=days)) as relay:
        report = open_post(relay, tls=mode, **different).send()
        assert not any("MAIL" in line for heard in relay.dialogues for line in heard)
    assert facts(report) == (TLS_FAILED, MODES[mode], None, False)
    assert said in report.detail


@pytest.mark.parametrize("mode", MODES)
def test_an_old_protocol(
    open_post: Callable[..., Post], authority: Authority, mode: TlsMode
) -> None:
    context = authority.server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with relay_with(mode, context) as relay:
        report = open_post(relay, tls=mode).send()
    assert facts(report) == (TLS_FAILED, MODES[mode], None, False)


def test_starttls_not_offered(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        report = open_post(relay, tls=TlsMode.STARTTLS).send()
        assert relay.dialogue == ["EHLO client.test"]
    assert facts(report) == (UNAVAILABLE, Phase.STARTTLS, None, False)


@pytest.mark.parametrize("code", [250, 421, 454, 500, 502])
def test_starttls_refused(open_post: Callable[..., Post], code: int) -> None:
    script = {Stage.STARTTLS: f"{code} not now"}
    with ScriptedRelay(script, keywords=OFFERING) as relay:
        report = open_post(relay, tls=TlsMode.STARTTLS).send()
        assert relay.dialogue == ["EHLO client.test", "STARTTLS"]
    assert facts(report) == (UNAVAILABLE, Phase.STARTTLS, code, False)


@pytest.mark.parametrize(
    ("acts", "event"),
    [
        (Send(b"220 go\r\n250 injected\r\n"), TLS_FAILED),
        (Send(b"220 go\r\n2"), TLS_FAILED),
        (["220 go", Send(b"250 this is no handshake\r\n"), Stall()], TLS_FAILED),
        (["220 go", Drop()], TLS_FAILED),
        (["220 go", Stall()], Event.TIMEOUT),
        (Drop(), Event.CONNECTION_LOST),
        (Stall(), Event.TIMEOUT),
        (Send(b"garbage\r\n"), Event.PROTOCOL_ERROR),
    ],
)
def test_starttls_broken(open_post: Callable[..., Post], acts: Acts, event: Event) -> None:
    seconds = SHORT if event is Event.TIMEOUT else 10.0
    with ScriptedRelay({Stage.STARTTLS: acts}, keywords=OFFERING) as relay:
        report = open_post(relay, tls=TlsMode.STARTTLS, timeout=seconds).send()
    assert facts(report) == (event, Phase.STARTTLS, None, False)


def test_no_tls_from_the_first_byte(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay() as relay:
        report = open_post(relay, tls=TlsMode.TLS).send()
        assert not any("EHLO" in line for line in relay.dialogue)
    assert facts(report) == (TLS_FAILED, Phase.CONNECT, None, False)


def test_only_what_is_offered_under_tls_counts(
    open_post: Callable[..., Post], authority: Authority
) -> None:
    relay = ScriptedRelay(
        keywords=[*OFFERING, "AUTH PLAIN"],
        keywords_tls=["SIZE 50000000"],
        context=authority.server_context(),
    )
    with relay:
        post = open_post(relay, tls=TlsMode.STARTTLS, username="user", password="secret")
        report = post.send()
        assert relay.dialogue == ["EHLO client.test", "STARTTLS", "EHLO client.test"]
    assert facts(report) == (Event.AUTH_UNAVAILABLE, Phase.AUTH, None, False)


def test_ehlo_refused_under_tls_is_not_made_up_for(
    open_post: Callable[..., Post], authority: Authority
) -> None:
    script = {Stage.EHLO_TLS: "502 5.5.1 what"}
    with ScriptedRelay(script, keywords=OFFERING, context=authority.server_context()) as relay:
        report = open_post(relay, tls=TlsMode.STARTTLS).send()
        assert relay.dialogue == ["EHLO client.test", "STARTTLS", "EHLO client.test"]
    assert facts(report) == (Event.REPLY, Phase.EHLO, 502, False)


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.FINAL])
@pytest.mark.parametrize(
    ("acts", "event", "code"),
    [
        (Drop(), Event.CONNECTION_LOST, None),
        (Stall(), Event.TIMEOUT, None),
        (["421 4.3.2 closing", Drop()], Event.REPLY, 421),
        ("554 5.7.1 never", Event.REPLY, 554),
    ],
)
def test_faults_under_tls(
    open_post: Callable[..., Post],
    authority: Authority,
    stage: Stage,
    acts: Acts,
    event: Event,
    code: int | None,
) -> None:
    seconds = SHORT if event is Event.TIMEOUT else 10.0
    with relay_with(TlsMode.TLS, authority.server_context(), {stage: acts}) as relay:
        post = open_post(relay, tls=TlsMode.TLS, timeout=seconds, final_reply_timeout=seconds)
        report = post.send()
    unknown = stage is Stage.FINAL and code is None
    assert facts(report) == (event, Phase(stage.value), code, unknown)


def test_a_stalled_body_under_tls(open_post: Callable[..., Post], authority: Authority) -> None:
    with relay_with(TlsMode.TLS, authority.server_context(), {Stage.BODY: Stall()}) as relay:
        report = open_post(relay, tls=TlsMode.TLS, timeout=SHORT).send(message=LARGE)
    assert facts(report) == (Event.TIMEOUT, Phase.BODY, None, False)


def test_an_early_refusal_under_tls(open_post: Callable[..., Post], authority: Authority) -> None:
    script = {Stage.BODY: ["552 5.3.4 too much", Stall()]}
    with relay_with(TlsMode.TLS, authority.server_context(), script) as relay:
        report = open_post(relay, tls=TlsMode.TLS).send(message=LARGE)
    assert facts(report) == (Event.REPLY, Phase.BODY, 552, False)


def test_a_greeting_that_comes_with_the_end_of_the_handshake(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    """In TLS 1.2 the server has the last word, and may go on at once."""
    context = authority.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    layer = TlsLayer(context=trusting, host="127.0.0.1")
    done = False
    while not layer.shake_hands():
        to_server.write(layer.outgoing)
        layer.outgoing = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            server.do_handshake()
            done = True
            server.write(b"220 hello\r\n")
        layer.feed(to_client.read())
    assert done
    assert layer.decrypt(b"") == b"220 hello\r\n"


def serve_dripping_record(listener: socket.socket, context: ssl.SSLContext) -> None:
    """One connection: the handshake, then a greeting whose record comes byte by byte."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    with listener.accept()[0] as sock, contextlib.suppress(OSError):
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                server.do_handshake()
                break
            sock.sendall(to_client.read())
            to_server.write(sock.recv(65536))
        server.write(b"220 " + b"x" * 3000 + b"\r\n")
        for byte in to_client.read():
            sock.sendall(bytes([byte]))
            time.sleep(0.01)


def test_a_record_that_drips_does_not_outlast_the_budget(
    open_post: Callable[..., Post], authority: Authority
) -> None:
    """It would take half a minute to come, and OpenSSL would wait for all of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = (listener, authority.server_context())
        thread = threading.Thread(target=serve_dripping_record, args=arguments)
        thread.start()
        at = SimpleNamespace(host="127.0.0.1", port=listener.getsockname()[1])
        report = open_post(at, tls=TlsMode.TLS, timeout=1.0).send()
        assert thread.is_alive()
        thread.join()
    assert facts(report) == (Event.TIMEOUT, Phase.GREETING, None, False)


@pytest.mark.parametrize("mode", MODES)
def test_tls_1_2(open_post: Callable[..., Post], authority: Authority, mode: TlsMode) -> None:
    context = authority.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with relay_with(mode, context) as relay:
        post = open_post(relay, tls=mode)
        assert [facts(post.send()) for _ in range(3)] == [ACCEPTED] * 3


def test_a_relay_that_takes_its_leave_of_tls_only(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = authority.server_context().wrap_bio(to_server, to_client, server_side=True)
    layer = TlsLayer(context=trusting, host="127.0.0.1")
    while not layer.shake_hands():
        to_server.write(layer.outgoing)
        layer.outgoing = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            server.do_handshake()
        layer.feed(to_client.read())
    to_server.write(layer.outgoing)
    server.do_handshake()
    server.write(b"250 ok\r\n")
    with contextlib.suppress(ssl.SSLWantReadError):
        server.unwrap()
    assert layer.decrypt(to_client.read()) == b"250 ok\r\n"
    assert layer.has_ended


def test_a_relay_with_tls_needs_a_context() -> None:
    with pytest.raises(ValueError, match="context"):
        Relay("relay.test", 25, TlsMode.STARTTLS, "client.test", 1.0, 1.0)


def test_the_context_verifies(trusting: ssl.SSLContext) -> None:
    assert trusting.verify_mode is ssl.CERT_REQUIRED
    assert trusting.check_hostname
    assert trusting.minimum_version is ssl.TLSVersion.TLSv1_2
