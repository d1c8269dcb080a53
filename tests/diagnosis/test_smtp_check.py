"""smtp_check as an operator runs it, against a relay that plays faults."""

import json

import pytest

from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Drop, Send, Stage, Stall
from tests.relay.scripted import ScriptedRelay, closed_port

PASSWORD = "hush-hush-hush"
LOGIN = {"MAIL_SMTP_USERNAME": "mail-account", "MAIL_SMTP_PASSWORD": PASSWORD}
OFFER = (*KEYWORDS, "STARTTLS")
OFFER_TLS = (*KEYWORDS, "AUTH PLAIN LOGIN CRAM-MD5")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def check(configured, manage, authority):
    """Configure the service for a relay and run the command; JSON is read."""

    def check(relay, *arguments, **changes):
        environment = {
            "MAIL_SMTP_ADDR": f"127.0.0.1:{relay if isinstance(relay, int) else relay.port}",
            "MAIL_SMTP_CA_FILE": str(authority.ca_file),
            "MAIL_SMTP_TIMEOUT": "5s",
            **changes,
        }
        configured(**environment)
        status, out, err = manage("smtp_check", *arguments)
        assert PASSWORD not in out + err
        return status, json.loads(out) if "--json" in arguments else out

    return check


@pytest.fixture
def relay(authority):
    """A relay with STARTTLS and a login under it; the script is a test's own."""

    def make(script=None, *, context=None, **parts):
        offers = {"keywords": OFFER, "keywords_tls": OFFER_TLS, **parts}
        return ScriptedRelay(script, context=context or authority.server_context(), **offers)

    return make


def test_shows_the_whole_dialogue_and_sends_nothing(check, relay):
    with relay() as here:
        status, out = check(here, "--sender", **LOGIN)
        assert status == 0
        assert here.wait_for("QUIT")
        assert [line.partition(" ")[0] for line in here.dialogue] == [
            *("EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RSET", "QUIT")
        ]
        assert here.messages == []
    for shown in (
        "220 relay.test ESMTP",
        "STARTTLS",
        "SIZE 50000000",
        "TLSv1.",
        "CN=127.0.0.1, issued by CN=tests",
        "days from now",
        "PLAIN, LOGIN, CRAM-MD5 offered; PLAIN would be used",
        "235 2.7.0 ok",
        "250 2.1.0 ok",
        "mail would be taken; nothing was sent",
    ):
        assert shown in out


@pytest.mark.parametrize("password", ["5", "2"])
def test_a_password_of_one_character(check, relay, monkeypatch, password):
    monkeypatch.setattr(f"{__name__}.PASSWORD", "no such thing")  # it stands in every number
    with relay() as here:
        status, out = check(here, **{**LOGIN, "MAIL_SMTP_PASSWORD": password})
    assert status == 0
    assert "235 " in out


def test_for_scripts(check, relay):
    with relay() as here:
        status, found = check(here, "--json", **LOGIN)
    assert status == 0
    assert found["would_take_mail"] is True
    assert found["auth_mechanisms"] == ["PLAIN", "LOGIN", "CRAM-MD5"]
    assert [step["encrypted"] for step in found["ehlo"]] == [False, True]
    assert found["tls"]["names"] == ["127.0.0.1"]
    assert found["sender"] is None
    assert list(found["spent_ms"]) == ["connect", "greeting", "ehlo", "starttls", "auth"]
    assert all(spent >= 0 for spent in found["spent_ms"].values())
    assert found["failure_code"] is None


def test_tls_from_the_first_byte(check, relay):
    with relay(implicit_tls=True, keywords=OFFER_TLS) as here:
        status, out = check(here, MAIL_SMTP_TLS="tls", **LOGIN)
    assert status == 0
    lines = [line.split("  ")[0] for line in out.splitlines()]
    assert lines.index("TLS") < lines.index("greeting")


def test_without_the_login(check, relay):
    with relay() as here:
        status, out = check(here, "--no-login", **LOGIN)
        assert "AUTH" not in " ".join(here.dialogue)
    assert status == 0
    assert "not configured" in out


@pytest.mark.parametrize(
    ("script", "code", "phase"),
    [
        ({Stage.GREETING: "554 5.7.1 go away"}, "greeting_refused", "greeting"),
        ({Stage.EHLO: "550 5.7.1 no name"}, "ehlo_refused", "ehlo"),
        ({Stage.STARTTLS: "454 4.7.0 not now"}, "starttls_unavailable", "starttls"),
        ({Stage.AUTH: "535 5.7.8 wrong"}, "auth_failed", "auth"),
        ({Stage.AUTH: f"535 5.7.8 {PASSWORD}"}, "auth_failed", "auth"),
        ({Stage.AUTH: "454 4.7.0 later"}, "auth_failed", "auth"),
        ({Stage.MAIL: "553 5.7.1 not your address"}, "sender_refused", "mail"),
        ({Stage.GREETING: Send(b"SSH-2.0-what\r\n")}, "protocol_error", "greeting"),
    ],
)
def test_a_relay_that_refuses(check, relay, script, code, phase):
    with relay(script) as here:
        status, found = check(here, "--json", "--sender", **LOGIN)
    assert status == 1
    assert (found["failure_code"], found["phase"]) == (code, phase)
    assert found["would_take_mail"] is False
    assert found["advice"]


def test_the_login_by_two_lines(check, relay):
    offer = (*KEYWORDS, "AUTH LOGIN")
    with relay({Stage.CREDENTIALS: "535 5.7.8 wrong"}, keywords_tls=offer) as here:
        status, out = check(here, **LOGIN)
    assert status == 1
    assert "LOGIN offered; LOGIN would be used" in out
    assert "auth_failed in phase auth: 535 5.7.8 wrong" in out


def test_no_mechanism_that_the_client_has(check, relay):
    with relay(keywords_tls=(*KEYWORDS, "AUTH CRAM-MD5")) as here:
        status, out = check(here, **LOGIN)
    assert status == 1
    assert "CRAM-MD5 offered; none would be used" in out


def test_no_starttls(check, relay):
    with relay(keywords=KEYWORDS) as here:
        status, found = check(here, "--json", **LOGIN)
    assert (status, found["failure_code"]) == (1, "starttls_unavailable")


@pytest.mark.parametrize("days", [-1, 1])
def test_a_certificate_that_does_not_hold(check, relay, authority, days):
    host = "127.0.0.1" if days < 0 else "10.9.9.9"
    with relay(context=authority.server_context(host, days=days)) as here:
        status, found = check(here, "--json", **LOGIN)
    assert (status, found["failure_code"]) == (1, "tls_failed")
    assert ("expired" if days < 0 else "IP address mismatch") in found["problem"]


def test_nobody_listens(check):
    with closed_port() as port:
        status, found = check(port, "--json")
    assert (status, found["failure_code"]) == (69, "connect_failed")


@pytest.mark.parametrize("act", [Stall(), Drop()])
def test_a_relay_that_says_nothing(check, relay, act):
    with relay({Stage.GREETING: act}) as here:
        status, found = check(here, "--json", "--timeout", "500ms")
    assert status == 69
    assert found["phase"] == "greeting"


def test_an_unknown_host(check, configured, manage):
    configured(MAIL_SMTP_ADDR="no-such-host.invalid:25", MAIL_SMTP_TIMEOUT="5s")
    status, out, _ = manage("smtp_check")
    assert status == 69
    assert "dns_failed" in out or "timeout" in out


def test_the_stub_has_no_relay(configured, manage):
    configured(MAIL_SMTP_MODE="stub")
    status, _, err = manage("smtp_check")
    assert status == 78
    assert "stub" in err


def test_a_wrong_duration_is_told_kindly(manage):
    status, _, err = manage("smtp_check", "--timeout", "soon")
    assert status == 2
    assert "such as 10s" in err


def test_help_names_the_exit_statuses(manage):
    status, out, _ = manage("smtp_check", "--help")
    assert status == 0
    assert "the relay does not answer" in out
