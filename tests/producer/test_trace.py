"""Which traces are handed on: those that the service keeps."""

import pytest
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from deliveries.intake import command as intake
from deliveries.producer import TraceContext, trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_of_a_carrier_of_opentelemetry():
    carrier = {"traceparent": PARENT, "tracestate": "a=1"}
    context = TraceContextTextMapPropagator().extract(carrier)
    filled = {}
    TraceContextTextMapPropagator().inject(filled, context)
    assert TraceContext.from_carrier(filled) == TraceContext(PARENT, "a=1")


def test_of_a_requests_headers():
    found = TraceContext.from_carrier({"Host": "x", "Traceparent": PARENT})
    assert found == TraceContext(PARENT)
    assert found.headers() == {"traceparent": PARENT}


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        "ff" + PARENT[2:],
        PARENT.upper(),
        PARENT + "\r\nX: y",
    ],
)
def test_what_is_none(traceparent):
    assert TraceContext.from_carrier({"traceparent": traceparent, "tracestate": "a=1"}) is None
    assert TraceContext(traceparent, "a=1").headers() == {}


@pytest.mark.parametrize("tracestate", ["", "a=1\r\nX: y", "ä", "x" * 513])
def test_a_state_that_is_none_is_left_out(tracestate):
    assert TraceContext.from_carrier({"traceparent": PARENT, "tracestate": tracestate}) == (
        TraceContext(PARENT)
    )
    assert TraceContext(PARENT, tracestate).headers() == {"traceparent": PARENT}


def test_the_service_takes_the_same():
    assert trace._TRACEPARENT.pattern.encode() == intake._TRACEPARENT.pattern
    assert trace._TRACESTATE.pattern.encode() == intake._VISIBLE.pattern
