"""AUTH: one mechanism a try, and no credentials in anything that is kept."""

import base64
from collections.abc import Callable

import pytest

from deliveries.attempt.smtp.authentication import Credentials
from deliveries.attempt.smtp.relay import Relay
from deliveries.conf import TlsMode
from deliveries.outcome.report import Event
from deliveries.states import Phase
from tests.attempt.smtp.posting import ACCEPTED, SHORT, Post, facts
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Acts, Drop, Send, Stage, Stall, by_turn
from tests.relay.scripted import ScriptedRelay

LOGIN = {"username": "user", "password": "open sesame"}
PLAIN = "AHVzZXIAb3BlbiBzZXNhbWU="
USER, PASSWORD = "dXNlcg==", "b3BlbiBzZXNhbWU="


def offering(mechanisms: str) -> list[str]:
    return [*KEYWORDS, f"AUTH {mechanisms}"]


@pytest.mark.parametrize(
    ("mechanisms", "lines"),
    [
        ("PLAIN", [f"AUTH PLAIN {PLAIN}"]),
        ("LOGIN PLAIN", [f"AUTH PLAIN {PLAIN}"]),
        ("CRAM-MD5 LOGIN", ["AUTH LOGIN", USER, PASSWORD]),
        ("login", ["AUTH LOGIN", USER, PASSWORD]),
    ],
)
def test_a_mechanism_is_chosen(
    open_post: Callable[..., Post], mechanisms: str, lines: list[str]
) -> None:
    with ScriptedRelay(keywords=offering(mechanisms)) as relay:
        assert facts(open_post(relay, **LOGIN).send()) == ACCEPTED
        assert relay.dialogue[1 : 1 + len(lines)] == lines


def test_a_long_response_goes_on_a_line_of_its_own(open_post: Callable[..., Post]) -> None:
    script = {Stage.AUTH: "334 ", Stage.CREDENTIALS: by_turn("235 2.7.0 ok", "500 what")}
    password = "long" * 200
    with ScriptedRelay(script, keywords=offering("PLAIN")) as relay:
        report = open_post(relay, username="user", password=password).send()
        assert relay.dialogue[1] == "AUTH PLAIN"
        assert base64.b64decode(relay.dialogue[2]) == f"\0user\0{password}".encode()
    assert report.phase is not Phase.AUTH


def test_no_auth_without_a_login(open_post: Callable[..., Post]) -> None:
    with ScriptedRelay(keywords=offering("PLAIN")) as relay:
        assert facts(open_post(relay).send()) == ACCEPTED
        assert relay.dialogue[1].startswith("MAIL")


@pytest.mark.parametrize("keywords", [KEYWORDS, offering(""), offering("CRAM-MD5 GSSAPI")])
def test_no_mechanism_of_ours(open_post: Callable[..., Post], keywords: list[str]) -> None:
    with ScriptedRelay(keywords=keywords) as relay:
        report = open_post(relay, **LOGIN).send()
        assert relay.dialogue == ["EHLO client.test"]
    assert facts(report) == (Event.AUTH_UNAVAILABLE, Phase.AUTH, None, False)


@pytest.mark.parametrize("stage", [Stage.AUTH, Stage.CREDENTIALS])
@pytest.mark.parametrize(
    ("acts", "event", "code"),
    [
        ("535 5.7.8 no", Event.REPLY, 535),
        ("454 4.7.0 later", Event.REPLY, 454),
        (["421 4.3.2 closing", Drop()], Event.REPLY, 421),
        ("354 what", Event.PROTOCOL_ERROR, 354),
        (Drop(), Event.CONNECTION_LOST, None),
        (Stall(), Event.TIMEOUT, None),
        (Send(b"garbage\r\n"), Event.PROTOCOL_ERROR, None),
    ],
)
def test_refused_or_broken(
    open_post: Callable[..., Post], stage: Stage, acts: Acts, event: Event, code: int | None
) -> None:
    mechanism = "PLAIN" if stage is Stage.AUTH else "LOGIN"
    seconds = SHORT if event is Event.TIMEOUT else 10.0
    with ScriptedRelay({stage: acts}, keywords=offering(mechanism)) as relay:
        report = open_post(relay, timeout=seconds, **LOGIN).send()
        assert sum(line.startswith("AUTH") for line in relay.dialogue) == 1
        assert not any(line.startswith("MAIL") for line in relay.dialogue)
    assert facts(report) == (event, Phase.AUTH, code, False)


@pytest.mark.parametrize(
    ("mechanism", "script"),
    [
        ("PLAIN", {Stage.AUTH: "334 go on"}),
        ("LOGIN", {Stage.CREDENTIALS: "334 go on"}),
    ],
)
def test_a_relay_that_asks_on_is_cancelled(
    open_post: Callable[..., Post], mechanism: str, script: dict[Stage, Acts]
) -> None:
    with ScriptedRelay(script, keywords=offering(mechanism)) as relay:
        report = open_post(relay, **LOGIN).send()
        assert relay.wait_for("*")
    assert facts(report) == (Event.PROTOCOL_ERROR, Phase.AUTH, 334, False)


@pytest.mark.parametrize("echo", ["open sesame", PASSWORD, PLAIN])
def test_what_a_relay_echoes_is_hidden(open_post: Callable[..., Post], echo: str) -> None:
    script = {Stage.AUTH: f"535 5.7.8 wrong: {echo}!"}
    with ScriptedRelay(script, keywords=offering("PLAIN")) as relay:
        report = open_post(relay, **LOGIN).send()
    assert report.reply is not None
    assert report.reply.text == "wrong: [hidden]!"


@pytest.mark.parametrize("password", ["5", "53", "535", "5-", "d", "5.7", " ", "\\"])
def test_a_short_password_spoils_no_reply(open_post: Callable[..., Post], password: str) -> None:
    """Its code is read as ever, and what is hidden is hidden once."""
    echo = f"<{password}>"
    script = {Stage.AUTH: f"535 5.7.8 no\n{echo}"}
    with ScriptedRelay(script, keywords=offering("PLAIN")) as relay:
        report = open_post(relay, username="user", password=password).send()
    assert facts(report) == (Event.REPLY, Phase.AUTH, 535, False)
    assert report.reply is not None
    assert report.reply.text.endswith("<[hidden]>")


def test_no_credentials_in_a_repr() -> None:
    relay = Relay("relay.test", 25, TlsMode.NONE, "client.test", 1.0, 1.0, **LOGIN)
    assert "sesame" not in repr(relay)
    assert repr(Credentials("user", "open sesame")) == "Credentials()"
