"""The project's encoder says of a span what the library's encoder says of it."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource

from deliveries.states import AttemptStatus
from deliveries.telemetry.encoding import encode
from deliveries.telemetry.identity import TraceParent
from deliveries.telemetry.spans import Span
from deliveries.telemetry.writing import SCOPE, readable

TRACE = TraceParent(bytes(range(16)), bytes(range(8)), sampled=True)
SPAN = bytes(range(1, 9))
RESOURCE = {"service.name": "mail", "process.pid": 7}
trace_ids = st.binary(min_size=16, max_size=16).filter(any)
ids = st.binary(min_size=8, max_size=8).filter(any)
times = st.integers(1, 2**63)
texts = st.text(max_size=40)
values = st.one_of(texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.none())


@st.composite
def spans(draw):
    trace = TraceParent(
        draw(st.binary(min_size=16, max_size=16).filter(any)), draw(ids), draw(st.booleans())
    )
    return Span(
        name=draw(texts),
        kind=draw(st.sampled_from(["internal", "consumer", "client"])),
        trace=trace,
        parent=draw(st.one_of(st.none(), st.just(trace.span_id), ids)),
        span_id=draw(ids),
        began=draw(times),
        ended=draw(times),
        attributes=draw(
            st.dictionaries(st.sampled_from(["mail.delivery_id", "a", "b", "c"]), values)
        ),
        error=draw(st.one_of(st.none(), texts.filter(bool))),
        events=draw(st.lists(st.tuples(texts, times), max_size=3)),
        link=draw(st.one_of(st.none(), ids)),
        tracestate=draw(st.sampled_from([None, "a=b", "a=b,c=d"])),
    )


def decoded(body: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(body)


@given(st.lists(spans(), min_size=1, max_size=4))
def test_the_two_encoders_agree(made):
    resource = Resource(RESOURCE)
    theirs = encode_spans([readable(span, resource) for span in made])
    ours = decoded(encode(made, resource=RESOURCE, scope=SCOPE))
    # they say "unset" where ours says nothing, which is the same in protobuf's eyes but for this
    for span in theirs.resource_spans[0].scope_spans[0].spans:
        span.status.SetInParent()
    assert ours == theirs


def test_true_and_one_are_two_values_however_often_they_come():
    def span(value):
        return Span("n", "client", TRACE, TRACE.span_id, SPAN, 4, 5, {"x": value, "y": "z"})

    made = [span(value) for value in (1, True, 1, True, 0, False)]
    found = decoded(encode(made, resource=RESOURCE, scope=SCOPE))
    kinds = [
        each.attributes[0].value.WhichOneof("value")
        for each in found.resource_spans[0].scope_spans[0].spans
    ]
    assert kinds == ["int_value", "bool_value"] * 3


def test_a_member_of_a_closed_set_is_its_text():
    made = Span(
        "n",
        "client",
        TRACE,
        TRACE.span_id,
        SPAN,
        4,
        5,
        {"status": AttemptStatus.TIMED_OUT},
    )
    found = decoded(encode([made], resource=RESOURCE, scope=SCOPE))
    (attribute,) = found.resource_spans[0].scope_spans[0].spans[0].attributes
    assert attribute.value.string_value == "timed_out"
