"""What answers at the API's address, at the collectors' and at the relay's."""

import pytest

from deliveries.diagnosis.gathering.exporters import gather_exporters
from deliveries.diagnosis.gathering.listener import PATH, gather_listener
from deliveries.diagnosis.gathering.relay import gather_relay
from deliveries.diagnosis.judging import exporters, relay
from tests.conf.environment import load_with
from tests.diagnosis.http_server import Answering
from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Stage
from tests.relay.scripted import ScriptedRelay, closed_port

TOKEN = "hush-hush-hush-hush"
NOT_FOUND = b'{"code": "delivery_not_found", "status": 404}'


class TestListener:
    def test_is_asked_as_a_caller_who_may_operate(self):
        tokens = f"auth:submit=0123456789abcdef,ops:operate={TOKEN}"
        with Answering(404, NOT_FOUND) as server:
            facts = gather_listener(
                load_with(
                    {
                        "MAIL_INTERNAL_HTTP_ADDR": server.address,
                        "MAIL_INTERNAL_API_TOKENS": tokens,
                    }
                )
            )
        ((method, path, headers),) = server.requests
        assert (method, path) == ("GET", PATH)
        assert headers["Authorization"] == f"Bearer {TOKEN}"
        assert (facts.status, facts.code, facts.problem) == (404, "delivery_not_found", "")

    def test_one_that_listens_everywhere_is_found_here(self):
        with Answering(404, NOT_FOUND) as server:
            port = server.address.partition(":")[2]
            facts = gather_listener(
                load_with(
                    {
                        "MAIL_INTERNAL_HTTP_ADDR": f"0.0.0.0:{port}",
                        "MAIL_INTERNAL_HTTP_TRUSTED": "true",
                        "MAIL_ALLOWED_HOSTS": "mail.internal",
                    }
                )
            )
        assert server.requests[0][2]["Host"] == "mail.internal"
        assert facts.status == 404

    def test_nobody_listens(self):
        with closed_port() as port:
            facts = gather_listener(load_with({"MAIL_INTERNAL_HTTP_ADDR": f"127.0.0.1:{port}"}))
        assert (facts.status, facts.problem) == (None, "Connection refused")

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"code": 5}'])
    def test_something_else_answers(self, body):
        with Answering(404, body) as server:
            facts = gather_listener(load_with({"MAIL_INTERNAL_HTTP_ADDR": server.address}))
        assert (facts.status, facts.code) == (404, "")


class TestExporters:
    @pytest.fixture
    def exporting(self, monkeypatch):
        """The libraries read the environment themselves."""

        def exporting(address):
            variables = {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_METRICS_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}",
                "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={TOKEN}",
            }
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            return gather_exporters(load_with(variables))

        return exporting

    def test_a_collector_takes_an_empty_export_of_each(self, exporting):
        with Answering(200, b"", "application/x-protobuf") as server:
            traces, metrics = exporting(server.address)
        assert [path for _, path, _ in server.requests] == ["/v1/traces", "/v1/metrics"]
        assert server.requests[0][2]["api-key"] == TOKEN
        assert traces.endpoint == f"http://{server.address}/v1/traces"
        assert (traces.problem, metrics.problem) == ("", "")

    def test_a_collector_that_refuses(self, exporting, capsys):
        with Answering(401) as server:
            traces, metrics = exporting(server.address)
        assert (traces.problem, metrics.problem) == ("it answers 401", "it answers 401")
        assert capsys.readouterr().err == ""

    def test_a_collector_that_is_away(self, exporting, capsys):
        with closed_port() as port:
            facts = exporting(f"127.0.0.1:{port}")
        assert {one.problem for one in facts} == {"connection refused"}
        verdict = exporters.reached(load_with({}), facts)
        assert verdict.level == "warning"
        assert TOKEN not in verdict.seen + capsys.readouterr().err


class TestRelay:
    @pytest.fixture
    def look(self, tmp_path):
        """The three verdicts on a relay: reached, encrypted, login."""

        def look(script=None, *, offer=(*KEYWORDS, "STARTTLS"), **changes):
            authority = Authority(tmp_path)
            login = (*KEYWORDS, "AUTH PLAIN LOGIN")
            with ScriptedRelay(
                script, keywords=offer, keywords_tls=login, context=authority.server_context()
            ) as server:
                config = load_with(
                    {
                        "MAIL_SMTP_ADDR": f"127.0.0.1:{server.port}",
                        "MAIL_SMTP_CA_FILE": str(authority.ca_file),
                        "MAIL_SMTP_USERNAME": "account",
                        "MAIL_SMTP_PASSWORD": TOKEN,
                        "MAIL_SMTP_TIMEOUT": "2s",
                        **changes,
                    }
                )
                seen = gather_relay(config)
                assert server.messages == []
            judges = (relay.relay_reached, relay.relay_encrypted, relay.relay_login)
            verdicts = [judge(config, seen) for judge in judges]
            assert not any(TOKEN in verdict.seen for verdict in verdicts)
            return verdicts

        return look

    def test_in_order(self, look):
        reached, encrypted, login = look()
        assert (reached.level, login.level) == ("ok", "ok")
        assert encrypted.level == "warning"  # a certificate of one day
        assert "TLSv1." in encrypted.seen
        assert "PLAIN, LOGIN offered" in login.seen

    @pytest.mark.parametrize(
        ("script", "offer", "levels"),
        [
            ({Stage.GREETING: "554 5.7.1 no"}, None, ("failed", "warning", "warning")),
            ({Stage.EHLO: "550 5.7.1 no"}, None, ("failed", "warning", "warning")),
            ({}, KEYWORDS, ("ok", "failed", "warning")),
            ({Stage.STARTTLS: "454 4.7.0 no"}, None, ("ok", "failed", "warning")),
            ({Stage.AUTH: f"535 5.7.8 {TOKEN}"}, None, ("ok", "warning", "failed")),
        ],
    )
    def test_where_it_ends(self, look, script, offer, levels):
        verdicts = look(script, **({"offer": offer} if offer else {}))
        assert tuple(verdict.level for verdict in verdicts) == levels

    def test_in_the_clear_on_this_host(self, look):
        reached, encrypted, login = look(
            MAIL_SMTP_TLS="none", MAIL_SMTP_USERNAME="", MAIL_SMTP_PASSWORD=""
        )
        assert [v.level for v in (reached, encrypted, login)] == ["ok", "ok", "ok"]
        assert "no account" in login.seen

    def test_the_stub_has_none(self):
        assert gather_relay(load_with({"MAIL_SMTP_MODE": "stub"})) is None
