"""HTTP requests: their spans, their metrics, their ids in the access log; and what stays inside."""

import pytest

from deliveries.models import Delivery
from tests.collector import Silence
from tests.http.conftest import start_web
from tests.relay import ScriptedRelay
from tests.stack.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{CALLER}-01"
SECRET = "hush-somebody@example.org"


@pytest.fixture
def exporting(service, collector):
    return start_web(service, **collector.environment)


def test_a_login_code_is_followed_from_its_request_to_the_relay(exporting, collector, start):
    body = {"email": "ada@example.org", "code": "492817", "locale": "en"}
    traced = {"traceparent": SAMPLED}
    assert exporting.post("/login-code-deliveries", body, headers=traced).status == 202
    with ScriptedRelay() as relay:
        start(relay, ["run_scheduler", "run_attempts"], **collector.environment)
        (send,) = collector.wait_for(lambda: collector.spans_named("smtp send"))
    (request,) = [span for span in collector.spans if span.kind == "server"]
    (accept,) = collector.spans_named("accept")
    (render,) = collector.spans_named("render")
    assert {span.trace_id for span in (request, accept, render, send)} == {TRACE}
    assert request.parent == CALLER
    assert accept.parent == request.span_id
    assert render.parent == send.parent == accept.span_id
    assert request.resource["mail.process"] == "web"
    assert Delivery.objects.get().traceparent == SAMPLED
    assert (
        collector.value("mail.delivery.accepted", source="authsession", payload_mode="template")
        == 1
    )


def test_without_a_caller_s_trace_the_request_begins_one(exporting, collector):
    assert exporting.post_login_code().status == 202
    (accept,) = collector.wait_for(lambda: collector.spans_named("accept"))
    (request,) = collector.wait_for(lambda: [s for s in collector.spans if s.kind == "server"])
    assert (accept.trace_id, accept.parent) == (request.trace_id, request.span_id)
    assert Delivery.objects.get().traceparent == f"00-{request.trace_id}-{request.span_id}-01"


def test_the_access_log_carries_the_ids_of_the_span(exporting, collector):
    exporting.get("/deliveries/nobody", headers={"traceparent": SAMPLED})
    line = exporting.process.wait_for_log("request answered")
    (span,) = collector.wait_for(lambda: [s for s in collector.spans if s.kind == "server"])
    assert (line["otel_trace_id"], line["otel_span_id"]) == (TRACE, span.span_id)


@pytest.mark.parametrize("given", [SAMPLED, "nonsense", f"00-{'0' * 32}-{CALLER}-01", None])
def test_the_access_log_carries_ids_also_when_nothing_is_exported(service, given):
    web = start_web(service)
    web.get("/deliveries/nobody", headers={"traceparent": given} if given else {})
    line = web.process.wait_for_log("request answered")
    assert len(line["otel_span_id"]) == 16
    assert len(line["otel_trace_id"]) == 32
    assert (line["otel_trace_id"] == TRACE) == (given == SAMPLED)
    assert int(line["otel_trace_id"], 16)


def test_duplicates_are_counted(exporting, collector):
    for _ in range(2):
        assert exporting.post_login_code(key="same").status == 202
    collector.wait_for(
        lambda: collector.value("mail.delivery.duplicates", source="authsession") == 1
    )


def test_a_stub_s_login_code_counts_as_accepted_and_as_suppressed(service, collector):
    web = start_web(service, **collector.environment, MAIL_SMTP_MODE="stub")
    assert web.post_login_code().json["outcome"] == "suppressed"
    collector.wait_for(
        lambda: collector.value("mail.delivery.suppressed", source="authsession") == 1
    )
    collector.wait_for(lambda: collector.value("mail.delivery.accepted") == 1)


def test_a_resend_is_a_new_delivery_with_a_trace_of_its_own(exporting, collector, start, publish):
    with ScriptedRelay() as relay:
        start(relay, **collector.environment)
        publish(1)
        wait_until(lambda: Delivery.objects.filter(status="sent").count() == 1)
        path = "/deliveries/d-1/resend"
        answer = exporting.post(path, {"recipients": "all"}, headers={"traceparent": SAMPLED})
        assert answer.status == 201
        new = answer.json["delivery_id"]
        (send,) = collector.wait_for(lambda: collector.spans_named("smtp send", delivery_id=new))
    assert send.trace_id == TRACE
    assert send.attributes["mail.source"] == "operator_resend"
    collector.wait_for(
        lambda: collector.value("mail.delivery.accepted", source="operator_resend") == 1
    )


def test_what_callers_send_stays_inside(exporting, collector):
    exporting.get(f"/deliveries?recipient={SECRET}", headers={"User-Agent": SECRET})
    exporting.post_login_code(email=SECRET, code="739154")
    exporting.post_login_code(email=f"{SECRET} {SECRET}", code="739154")
    exporting.get(f"/{SECRET}")
    collector.wait_for(lambda: len([s for s in collector.spans if s.kind == "server"]) == 4)
    collector.wait_for(lambda: collector.value("http.server.request.duration") == 4)
    assert exporting.process.stop() == 0
    for body in collector.bodies:
        assert b"hush" not in body
        assert b"739154" not in body
    for span in collector.spans:
        assert not span.attributes.keys() & {"url.full", "url.path", "url.query", "http.url"}
    labels = {
        name for p in collector.series("http.server.request.duration") for name in p.attributes
    }
    assert labels <= {"http.request.method", "http.response.status_code", "http.route"}


def test_a_worker_exports_what_is_left_at_its_end(service, collector):
    never = {"OTEL_METRIC_EXPORT_INTERVAL": "3600000", "OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    web = start_web(service, **{**collector.environment, **never})
    assert web.post_login_code().status == 202
    assert collector.bodies == []
    assert web.process.stop() == 0
    assert collector.value("mail.delivery.accepted", source="authsession") == 1
    assert collector.spans_named("accept")


def test_a_silent_collector_holds_no_worker_up(service):
    with Silence() as silence:
        patient = {"OTEL_EXPORTER_OTLP_TIMEOUT": "600"}
        web = start_web(service, **{**silence.environment, **patient})
        assert web.post_login_code().status == 202
        assert web.process.stop() == 0
    assert web.process.logged("internal HTTP listener stopped")


def test_each_worker_is_an_instance_of_its_own(service, collector):
    start_web(service, **collector.environment, MAIL_INTERNAL_HTTP_WORKERS="2")

    def instances():
        points = collector.series("mail.delivery.duplicates", source="authsession")
        return {point.resource["service.instance.id"] for point in points}

    collector.wait_for(lambda: len(instances()) == 2)
