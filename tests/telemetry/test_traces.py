"""One mail is followed from the producer's span to the relay, by spans of real processes."""

import re

import pytest

from deliveries.models import Delivery
from tests.collector import Collector
from tests.malformed_examples import PAYLOAD, TEMPLATE
from tests.relay import ScriptedRelay, Stage, Stall, by_turn
from tests.stack.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

TRACE = "0af7651916cd43dd8448eb211c80319c"
PRODUCER = "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{PRODUCER}-01"
GO_ON = "354 go on"
NOT_SAMPLED = f"00-{TRACE}-{PRODUCER}-00"
DIALOGUE = ["connect", "greeting", "ehlo", "mail", "rcpt", "data", "body", "final"]


def test_acceptance_rendering_and_the_send_hang_together(collector, publish, start):
    with ScriptedRelay() as relay:
        start(relay, **collector.environment)
        publish(1, payload=TEMPLATE, traceparent=SAMPLED, tracestate="vendor=x")
        (send,) = collector.wait_for(lambda: collector.spans_named("smtp send"))
        (accept,) = collector.wait_for(lambda: collector.spans_named("accept"))
        (render,) = collector.wait_for(lambda: collector.spans_named("render"))
    assert {span.trace_id for span in (accept, render, send)} == {TRACE}
    assert {span.trace_state for span in (accept, render, send)} == {"vendor=x"}
    assert accept.parent == PRODUCER
    assert render.parent == send.parent == accept.span_id
    assert (accept.kind, render.kind, send.kind) == ("consumer", "internal", "client")
    assert accept.began <= render.began <= render.ended <= accept.ended
    assert accept.resource["mail.process"] == render.resource["mail.process"] == "consumer"
    assert send.resource["mail.process"] == "attempts"
    assert accept.resource["service.instance.id"] != send.resource["service.instance.id"]
    assert accept.resource["service.name"] == "mail-service"
    assert not any(span.failed for span in (accept, render, send))
    assert accept.attributes["mail.acceptance.outcome"] == "accepted"
    assert render.attributes["mail.template_id"] == TEMPLATE["template_id"]
    assert send.attributes == {
        "mail.delivery_id": "d-1",
        "mail.source": "notification",
        "mail.attempt_no": 1,
        "mail.attempt.status": "provider_accepted",
        "mail.attempt.phase": "final",
        "mail.smtp_code": 250,
    }


def test_the_phases_of_the_dialogue_are_events_in_their_order(collector, publish, start):
    with ScriptedRelay() as relay:
        start(relay, **collector.environment, MAIL_ATTEMPT_WORKER_CONCURRENCY="2")
        publish(1)
        (first,) = collector.wait_for(lambda: collector.spans_named("smtp send"))
        publish(2)
        collector.wait_for(lambda: len(collector.spans_named("smtp send")) == 2)
    (second,) = collector.spans_named("smtp send", delivery_id="d-2")
    assert [name for name, _, _ in first.events] == DIALOGUE
    # over the open connection, unless it was left for another thread's
    assert [name for name, _, _ in second.events] in (DIALOGUE[3:], DIALOGUE)
    for span in (first, second):
        times = [at for _, at, _ in span.events]
        assert times == sorted(times)
        assert span.began <= times[0]
        assert times[-1] <= span.ended


def test_a_retry_links_to_the_attempt_before_it(collector, publish, start):
    with ScriptedRelay({Stage.DATA: by_turn("451 4.3.0 later", GO_ON)}) as relay:
        processes = start(relay, **collector.environment, MAIL_RETRY_LADDER="100ms")
        publish(1, traceparent=SAMPLED)
        collector.wait_for(lambda: len(collector.spans_named("smtp send")) == 2)
        line = processes["run_attempts"].wait_for_log("retry scheduled")
    (first,) = collector.spans_named("smtp send", attempt_no=1)
    (second,) = collector.spans_named("smtp send", attempt_no=2)
    assert first.links == ()
    assert second.links == ((TRACE, first.span_id),)
    assert first.failed
    assert first.status_message == "temporary_reply"
    assert first.attributes["mail.failure_code"] == "temporary_reply"
    assert first.attributes["mail.attempt.phase"] == "data"
    assert first.attributes["mail.smtp_code"] == 451
    assert (line["otel_trace_id"], line["otel_span_id"]) == (TRACE, first.span_id)


def test_a_mail_without_a_producers_trace_gets_one_of_its_own(collector, publish, start):
    with ScriptedRelay() as relay:
        start(relay, **collector.environment)
        publish(1)
        (send,) = collector.wait_for(lambda: collector.spans_named("smtp send"))
        (accept,) = collector.wait_for(lambda: collector.spans_named("accept"))
    assert accept.parent == ""
    assert (send.trace_id, send.parent) == (accept.trace_id, accept.span_id)
    kept = Delivery.objects.get().traceparent
    assert kept == f"00-{accept.trace_id}-{accept.span_id}-01"


def test_the_producers_decision_holds(collector, publish, start):
    with ScriptedRelay() as relay:
        start(relay, **collector.environment)
        publish(1, traceparent=NOT_SAMPLED)
        publish(2)
        collector.wait_for(lambda: collector.spans_named("smtp send", delivery_id="d-2"))
        wait_until(lambda: Delivery.objects.filter(status="sent").count() == 2)
    assert not [span for span in collector.spans if span.trace_id == TRACE]
    assert Delivery.objects.get(delivery_id="d-1").traceparent == NOT_SAMPLED


@pytest.mark.parametrize(
    ("sampler", "exported"), [("always_on", True), ("always_off", False), ("traceidratio", False)]
)
def test_the_sampler_is_the_operators(collector, publish, start, sampler, exported):
    overrides = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0"}
    with ScriptedRelay() as relay:
        processes = start(relay, **collector.environment, **overrides)
        publish(1, traceparent=NOT_SAMPLED)
        wait_until(lambda: Delivery.objects.filter(status="sent").count() == 1)
        for process in processes.values():
            assert process.stop() == 0
    assert bool(collector.spans) == exported


def test_duplicates_and_rejections_are_spans_under_their_producers(collector, publish, start):
    other = f"00-{TRACE[::-1]}-{PRODUCER[::-1]}-01"
    with ScriptedRelay() as relay:
        start(relay, **collector.environment)
        publish(1, traceparent=SAMPLED)
        publish(1, traceparent=other)
        publish(2, traceparent=other, payload={**TEMPLATE, "template_id": "no.such"})
        publish(3, traceparent=other, payload={**TEMPLATE, "variables": {}})
        collector.wait_for(lambda: len(collector.spans_named("accept")) == 4)
    accepted, duplicate, unknown, lacking = sorted(
        collector.spans_named("accept"),
        key=lambda span: span.attributes["mail.stream_entry_id"],
    )
    assert accepted.attributes["mail.acceptance.outcome"] == "accepted"
    assert duplicate.attributes["mail.acceptance.outcome"] == "duplicate"
    assert duplicate.span_id != accepted.span_id
    assert duplicate.parent == unknown.parent == lacking.parent == PRODUCER[::-1]
    assert unknown.attributes["mail.failure_code"] == "template_not_found"
    assert lacking.attributes["mail.failure_code"] == "template_variable_missing"
    assert lacking.failed
    assert lacking.status_message == "template_variable_missing"
    (render,) = collector.spans_named("render")
    assert render.failed
    assert render.attributes["mail.failure_code"] == "template_variable_missing"


def test_an_attempt_given_back_is_told_and_leaves_its_id_to_the_next(collector, publish, start):
    with ScriptedRelay({Stage.MAIL: by_turn(Stall(), "250 2.1.0 ok")}) as relay:
        processes = start(relay, **collector.environment, MAIL_SHUTDOWN_TIMEOUT="4s")
        publish(1)
        assert relay.wait_until_reached(Stage.MAIL)
        assert processes["run_attempts"].stop() == 0
        start(relay, ["run_attempts"], **collector.environment)
        collector.wait_for(lambda: len(collector.spans_named("smtp send")) == 2)
    (given_back,) = collector.spans_named("smtp send", **{"attempt.status": "given_back"})
    (sent,) = collector.spans_named("smtp send", **{"attempt.status": "provider_accepted"})
    assert [name for name, _, _ in given_back.events][-1] == "mail"
    assert given_back.attributes["mail.attempt_no"] == sent.attributes["mail.attempt_no"] == 1
    assert given_back.span_id != sent.span_id


def test_the_attempt_of_a_lost_worker_is_told_by_who_recovers_it(collector, publish, start):
    quick = {"MAIL_WORKER_LEASE": "3s", "MAIL_RETRY_LADDER": "300ms"}
    with ScriptedRelay({Stage.MAIL: by_turn(Stall(), "250 2.1.0 ok")}) as relay:
        processes = start(relay, **collector.environment, **quick)
        publish(1, traceparent=SAMPLED, tracestate="vendor=x")
        assert relay.wait_until_reached(Stage.MAIL)
        processes["run_attempts"].kill()
        (recover,) = collector.wait_for(lambda: collector.spans_named("recover"))
        start(relay, ["run_attempts"], **collector.environment, **quick)
        (retry,) = collector.wait_for(lambda: collector.spans_named("smtp send", attempt_no=2))
    (accept,) = collector.spans_named("accept")
    assert (recover.trace_id, recover.parent, recover.kind) == (TRACE, accept.span_id, "internal")
    assert recover.trace_state == "vendor=x"
    assert recover.resource["mail.process"] == "scheduler"
    assert recover.links == retry.links  # the span that the lost worker took with it
    assert (recover.failed, recover.status_message) == (True, "worker_lost")
    assert recover.began < recover.ended < retry.began
    assert recover.attributes == {
        "mail.delivery_id": "d-1",
        "mail.source": "notification",
        "mail.attempt_no": 1,
        "mail.attempt.status": "timed_out",
        "mail.failure_code": "worker_lost",
        "mail.outcome_unknown": True,
    }


def test_what_an_operator_sends_again_has_a_trace_from_the_command_on(
    collector, publish, start, service
):
    with ScriptedRelay({Stage.DATA: by_turn("550 5.7.1 no", GO_ON)}) as relay:
        start(relay, **collector.environment)
        publish(1)
        wait_until(lambda: Delivery.objects.filter(status="failed").count() == 1)
        resend = service.start("resend_delivery", "d-1", overrides=collector.environment)
        assert resend.wait() == 0, resend.output
        again = Delivery.objects.get(parent_delivery_id="d-1").delivery_id
        (send,) = collector.wait_for(lambda: collector.spans_named("smtp send", delivery_id=again))
    (accept,) = collector.spans_named("accept", delivery_id=again)
    assert accept.resource["mail.process"] == "resend_delivery"
    assert (send.trace_id, send.parent) == (accept.trace_id, accept.span_id)
    assert accept.attributes["mail.source"] == "operator_resend"
    exported = {
        point.resource["mail.process"]
        for metric in collector.metrics.values()
        for point in metric.points
    }
    assert "resend_delivery" not in exported


SECRETS = {
    "to": "hush-recipient@example.org",
    "subject": "hush subject",
    "text": "hush body",
    "reply": "hush words of the relay",
    "code": "739154",
}


def test_nothing_that_is_anybodys_business_is_exported(collector, publish, start):
    rendered = {**PAYLOAD, "to": [SECRETS["to"]], "subject": SECRETS["subject"]}
    rendered["text_body"] = SECRETS["text"]
    code = {**TEMPLATE, "to": [SECRETS["to"]], "variables": {"code": SECRETS["code"]}}
    bad = {**rendered, "to": ["hush-not-an-address"]}
    refusal = f"550 5.1.0 {SECRETS['reply']} {SECRETS['to']}"
    with ScriptedRelay({Stage.DATA: by_turn(refusal, GO_ON)}) as relay:
        processes = start(relay, **collector.environment)
        publish(1, payload=rendered)
        wait_until(lambda: Delivery.objects.filter(status="failed").count() == 1)
        publish(2, payload=code)
        publish(3, payload=bad)
        collector.wait_for(lambda: collector.value("mail.delivery.sent"))
        collector.wait_for(lambda: collector.value("mail.stream_commands.malformed"))
        collector.wait_for(lambda: len(collector.spans_named("smtp send")) == 2)
        for process in processes.values():
            assert process.stop() == 0
    exported = b"\n".join(collector.bodies)
    assert b"d-1" in exported
    for secret in [*SECRETS.values(), "hush"]:
        assert secret.encode() not in exported


def test_the_console_writes_one_line_a_span(publish, start):
    with ScriptedRelay() as relay:
        processes = start(relay, OTEL_TRACES_EXPORTER="console", OTEL_METRICS_EXPORTER="console")
        publish(1, traceparent=SAMPLED)
        wait_until(lambda: Delivery.objects.filter(status="sent").count() == 1)
        for process in processes.values():
            assert process.stop() == 0
    attempts = processes["run_attempts"].output
    (line,) = re.findall(r'^\{"name": "smtp send".*\}$', attempts, re.MULTILINE)
    assert f"0x{TRACE}" in line
    assert re.search(r'^\{"resource_metrics".*"mail.delivery.sent".*\}$', attempts, re.MULTILINE)


def test_spans_are_compressed_and_carry_headers_where_the_standard_variables_say_so(
    collector, publish, start
):
    overrides = {
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=mail",
        "OTEL_SERVICE_NAME": "mail-eu",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=staging",
    }
    with ScriptedRelay() as relay:
        start(relay, **collector.environment, **overrides)
        publish(1)
        (send,) = collector.wait_for(lambda: collector.spans_named("smtp send"))
    assert send.resource["service.name"] == "mail-eu"
    assert send.resource["deployment.environment"] == "staging"
    assert all(headers["x-tenant"] == "mail" for headers in collector.headers)
    assert all(headers["Content-Encoding"] == "gzip" for headers in collector.headers)


def test_traces_alone(publish, start):
    with Collector(signals=("traces",)) as collector, ScriptedRelay() as relay:
        processes = start(relay, **collector.environment)
        publish(1)
        collector.wait_for(lambda: collector.spans_named("smtp send"))
        for process in processes.values():
            assert process.stop() == 0
    assert collector.metrics == {}
