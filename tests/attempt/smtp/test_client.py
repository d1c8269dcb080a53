"""The client against a relay that does what it should not: what must be reported."""

import threading
import time

import pytest

from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.relay import Relay, make_ssl_context
from deliveries.attempt.smtp.transaction import Envelope
from deliveries.conf import TlsMode
from deliveries.outcome.report import Event
from deliveries.states import Phase
from tests.relay import Authority, Drop, Say, ScriptedRelay, Stall

MESSAGE = b"Subject: x\r\n\r\nHello\r\n.dot\r\n"
LOGIN = "250-relay\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN"


class Free:
    def may_begin(self):
        return True

    def may_finish(self):
        return True


class Refusing(Free):
    def __init__(self, *, begin=True, finish=True):
        self.may_begin = lambda: begin
        self.may_finish = lambda: finish


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def clients():
    made = []
    yield made
    for client in made:
        client.close()


@pytest.fixture
def connect(authority, clients):
    def make(relay, *, tls=TlsMode.NONE, timeout=5.0, final=5.0, trusted=True, **login):
        context = make_ssl_context(authority.ca_file if trusted else None)
        client = Client(
            Relay(
                host="127.0.0.1",
                port=relay.port,
                tls=tls,
                helo_name="tests",
                timeout=timeout,
                final_reply_timeout=final,
                ssl_context=context,
                **login,
            )
        )
        clients.append(client)
        return client

    return make


def send(client, recipients=("a@example.org",), guard=None, **envelope):
    return client.send(
        envelope=Envelope("s@example.com", recipients, **envelope),
        message=MESSAGE,
        guard=guard or Free(),
    )


@pytest.mark.parametrize("pipelining", [True, False])
def test_accepted(connect, pipelining):
    script = {} if pipelining else {"EHLO": "250 relay"}
    with ScriptedRelay(script) as relay:
        report = send(connect(relay), ("a@example.org", "b@example.org"))
        assert relay.messages == [MESSAGE]
        assert relay.verbs() == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA"]
    assert (report.event, report.phase, report.reply.code) == (Event.REPLY, Phase.FINAL, 250)
    assert report.reply.enhanced == "2.0.0"
    assert [r.reply.code for r in report.recipients] == [250, 250]
    assert not report.final_dot_written


STEPS = [
    ("connect", Phase.GREETING),
    ("EHLO", Phase.EHLO),
    ("MAIL", Phase.MAIL),
    ("RCPT", Phase.RCPT),
    ("DATA", Phase.DATA),
    ("message", Phase.FINAL),
]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(("step", "phase"), STEPS)
@pytest.mark.parametrize("code", [421, 451, 550])
def test_a_refusal_in_every_phase(connect, step, phase, code, pipelining):
    script = {step: f"{code} no"}
    if step != "EHLO" and not pipelining:
        script["EHLO"] = "250 relay"
    with ScriptedRelay(script) as relay:
        report = send(connect(relay))
    assert (report.event, report.phase, report.reply.code) == (Event.REPLY, phase, code)
    assert not report.final_dot_written


@pytest.mark.parametrize(("step", "phase"), STEPS)
@pytest.mark.parametrize(
    ("action", "event"),
    [
        (Stall(), Event.TIMEOUT),
        (Drop(), Event.CONNECTION_LOST),
        (Say(b"25", then_drop=True), Event.CONNECTION_LOST),
        (Say(b"hello there\r\n"), Event.PROTOCOL_ERROR),
        (Say(b"\x00\xff\r\n"), Event.PROTOCOL_ERROR),
        (Say(b"250-a\r\n451 b\r\n"), Event.PROTOCOL_ERROR),
        (Say(b"250 " + b"x" * 5000 + b"\r\n"), Event.PROTOCOL_ERROR),
        (Say(b"250-x\r\n" * 200), Event.PROTOCOL_ERROR),
    ],
)
def test_a_fault_in_every_phase(connect, step, phase, action, event):
    with ScriptedRelay({step: action}) as relay:
        report = send(connect(relay, timeout=0.3, final=0.3))
    assert (report.event, report.phase) == (event, phase)
    assert report.final_dot_written == (phase is Phase.FINAL)


def test_a_relay_that_drips_does_not_outlast_the_budget(connect):
    with ScriptedRelay({"connect": Stall()}) as relay:
        stop = threading.Event()
        client = connect(relay, timeout=0.5)
        got = []
        thread = threading.Thread(target=lambda: got.append(send(client)))
        thread.start()
        deadline = time.monotonic() + 20
        while thread.is_alive() and time.monotonic() < deadline:
            for sock in relay._open[:1]:
                sock.send(b"220-")
            stop.wait(0.05)
        thread.join(1)
    assert got[0].event is Event.TIMEOUT


def test_nobody_listens(connect):
    with ScriptedRelay() as relay:
        pass
    assert send(connect(relay)).event is Event.CONNECT_FAILED


def test_a_name_that_does_not_exist(connect, clients):
    relay = Relay("no-such-host.invalid", 25, TlsMode.NONE, "tests", 5.0, 5.0)
    client = Client(relay)
    report = send(client)
    assert report.phase is Phase.CONNECT
    assert report.event in {Event.DNS_FAILED, Event.TIMEOUT}


def test_mixed_recipients(connect):
    replies = ["250 ok", "450 4.2.0 later", "550 5.1.1 gone"]
    with ScriptedRelay({"RCPT": replies}) as relay:
        report = send(connect(relay), ("a@x.org", "b@x.org", "c@x.org"))
        assert len(relay.messages) == 1
    assert report.phase is Phase.FINAL
    assert [r.reply.code for r in report.recipients] == [250, 450, 550]


def test_no_message_for_nobody_even_after_a_354(connect):
    with ScriptedRelay({"RCPT": "550 gone"}) as relay:
        report = send(connect(relay), ("a@x.org", "b@x.org"))
        assert relay.messages == []
    assert report.phase is Phase.RCPT
    assert [r.reply.code for r in report.recipients] == [550, 550]


class TestTls:
    STARTTLS = "250-relay\r\n250 STARTTLS"

    def test_starttls(self, connect, authority):
        script = {"EHLO": self.STARTTLS, "EHLO+TLS": "250 PIPELINING"}
        with ScriptedRelay(script, tls=authority.server_context()) as relay:
            report = send(connect(relay, tls=TlsMode.STARTTLS))
            assert relay.verbs()[:3] == ["EHLO", "STARTTLS", "EHLO"]
        assert report.phase is Phase.FINAL

    def test_implicit(self, connect, authority):
        with ScriptedRelay(tls=authority.server_context(), implicit=True) as relay:
            assert send(connect(relay, tls=TlsMode.TLS)).phase is Phase.FINAL

    @pytest.mark.parametrize(
        ("script", "event"),
        [
            ({"EHLO": "250 relay"}, Event.STARTTLS_UNAVAILABLE),
            ({"EHLO": STARTTLS, "STARTTLS": "454 not now"}, Event.STARTTLS_UNAVAILABLE),
            ({"EHLO": STARTTLS, "STARTTLS": Say(b"220 go\r\n250 fine\r\n")}, Event.TLS_FAILED),
        ],
    )
    def test_never_goes_on_in_the_clear(self, connect, authority, script, event):
        with ScriptedRelay(script, tls=authority.server_context()) as relay:
            report = send(connect(relay, tls=TlsMode.STARTTLS))
            assert "MAIL" not in relay.verbs()
        assert (report.event, report.phase) == (event, Phase.STARTTLS)

    @pytest.mark.parametrize(
        ("host", "days", "trusted"),
        [("127.0.0.1", 1, False), ("127.0.0.2", 1, True), ("127.0.0.1", -1, True)],
    )
    def test_certificates_and_names_are_verified(self, connect, authority, host, days, trusted):
        context = authority.server_context(host, days=days)
        with ScriptedRelay({"EHLO": self.STARTTLS}, tls=context) as relay:
            report = send(connect(relay, tls=TlsMode.STARTTLS, trusted=trusted))
        assert (report.event, report.phase) == (Event.TLS_FAILED, Phase.STARTTLS)
        assert report.detail

    def test_keywords_from_before_tls_do_not_count(self, connect, authority):
        script = {
            "EHLO": "250-relay\r\n250-SIZE 10000\r\n250 STARTTLS",
            "EHLO+TLS": "250-relay\r\n250 SIZE 5",
        }
        with ScriptedRelay(script, tls=authority.server_context()) as relay:
            report = send(connect(relay, tls=TlsMode.STARTTLS))
        assert report.event is Event.MESSAGE_TOO_LARGE


class TestAuth:
    CREDENTIALS = {"username": "user", "password": "open sesame"}

    def test_plain(self, connect):
        with ScriptedRelay({"EHLO": LOGIN}) as relay:
            assert send(connect(relay, **self.CREDENTIALS)).phase is Phase.FINAL
            assert relay.verbs()[1] == "AUTH"
            assert relay.commands[1] == "AUTH PLAIN AHVzZXIAb3BlbiBzZXNhbWU="

    def test_login(self, connect):
        script = {
            "EHLO": "250-relay\r\n250 AUTH LOGIN",
            "AUTH": "334 VXNlcm5hbWU6",
        }
        script["dXNlcg==".upper()] = "334 UGFzc3dvcmQ6"
        script["b3BlbiBzZXNhbWU=".upper()] = "235 welcome"
        with ScriptedRelay(script) as relay:
            assert send(connect(relay, **self.CREDENTIALS)).phase is Phase.FINAL

    def test_refused(self, connect):
        with ScriptedRelay({"EHLO": LOGIN, "AUTH": "535 5.7.8 no"}) as relay:
            report = send(connect(relay, **self.CREDENTIALS))
            assert relay.verbs().count("AUTH") == 1
        assert (report.event, report.phase, report.reply.code) == (Event.REPLY, Phase.AUTH, 535)
        assert "sesame" not in repr(report)

    def test_not_offered(self, connect):
        with ScriptedRelay() as relay:
            report = send(connect(relay, **self.CREDENTIALS))
        assert (report.event, report.phase) == (Event.AUTH_UNAVAILABLE, Phase.AUTH)

    def test_the_password_is_in_no_repr(self):
        relay = Relay("h", 1, TlsMode.NONE, "tests", 1.0, 1.0, password="open sesame")
        assert "sesame" not in repr(relay)


class TestKnownBefore:
    def test_too_large(self, connect):
        with ScriptedRelay({"EHLO": "250-relay\r\n250 SIZE 10"}) as relay:
            report = send(connect(relay))
            assert "MAIL" not in relay.verbs()
        assert (report.event, report.phase) == (Event.MESSAGE_TOO_LARGE, Phase.MAIL)

    def test_no_smtputf8(self, connect):
        with ScriptedRelay() as relay:
            report = send(connect(relay), ("ü@example.org",), smtputf8=True)
        assert (report.event, report.phase) == (Event.SMTPUTF8_UNAVAILABLE, Phase.MAIL)

    def test_smtputf8(self, connect):
        with ScriptedRelay({"EHLO": "250-relay\r\n250 SMTPUTF8"}) as relay:
            report = send(connect(relay), ("ü@example.org",), smtputf8=True)
            assert relay.commands[1].endswith("SMTPUTF8 BODY=8BITMIME")
            assert relay.commands[2] == "RCPT TO:<ü@example.org>"
        assert report.phase is Phase.FINAL


class TestReuse:
    def test_one_connection_for_several_messages(self, connect):
        with ScriptedRelay() as relay:
            client = connect(relay)
            reports = [send(client) for _ in range(5)]
            assert relay.connections == 1
            assert relay.verbs().count("EHLO") == 1
        assert {report.phase for report in reports} == {Phase.FINAL}

    def test_a_connection_that_went_away_while_idle_is_no_attempt(self, connect):
        with ScriptedRelay({"message": Say(b"250 ok\r\n", then_drop=True)}) as relay:
            client = connect(relay)
            assert send(client).phase is Phase.FINAL
            assert send(client).phase is Phase.FINAL
            assert relay.connections == 2

    def test_421_to_a_reused_connection_is_no_attempt(self, connect):
        with ScriptedRelay({"MAIL": ["250 ok", "421 enough", "250 ok"]}) as relay:
            client = connect(relay)
            send(client)
            assert send(client).phase is Phase.FINAL
            assert relay.connections == 2

    def test_a_refused_message_leaves_the_connection_usable(self, connect):
        with ScriptedRelay({"message": ["554 spam", "250 ok"]}) as relay:
            client = connect(relay)
            assert send(client).reply.code == 554
            assert send(client).reply.code == 250
            assert relay.connections == 1


class TestGuard:
    def test_may_not_begin(self, connect):
        with ScriptedRelay() as relay:
            report = send(connect(relay), guard=Refusing(begin=False))
            assert "MAIL" not in relay.verbs()
        assert report.event is Event.GIVEN_BACK

    def test_may_not_finish(self, connect):
        with ScriptedRelay() as relay:
            report = send(connect(relay), guard=Refusing(finish=False))
            assert relay.messages == []
        assert report.event is Event.GIVEN_BACK


class TestOtherThreads:
    def start(self, client):
        got = []
        thread = threading.Thread(target=lambda: got.append(send(client)), daemon=True)
        thread.start()
        return thread, got

    def test_abort_before_the_dot_gives_back(self, connect):
        with ScriptedRelay({"MAIL": Stall()}) as relay:
            client = connect(relay, timeout=30)
            thread, got = self.start(client)
            while "MAIL" not in relay.verbs():
                time.sleep(0.01)
            client.abort()
            thread.join(10)
        assert got[0].event is Event.GIVEN_BACK

    def test_abort_after_the_dot_waits_and_give_up_does_not(self, connect):
        with ScriptedRelay({"message": Stall()}) as relay:
            client = connect(relay, final=60)
            thread, got = self.start(client)
            while not relay.messages:
                time.sleep(0.01)
            client.abort()
            thread.join(0.2)
            assert got == []
            client.give_up()
            thread.join(10)
        assert got[0].final_dot_written
        assert got[0].phase is Phase.FINAL
        assert got[0].event is Event.TIMEOUT
