"""The spans of one mail: acceptance, rendering and every attempt, each recorded when it is over.

The producer's `traceparent` on the delivery holds them together, across processes and hours. The
acceptance is a child of the producer's span; rendering and attempts are children of the acceptance;
a retry links to the attempt before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import time_ns
from typing import Protocol

from deliveries.telemetry.current import Ids, ids_of
from deliveries.telemetry.facts import Attributes, Decision, Tried
from deliveries.telemetry.identity import (
    SpanId,
    TraceId,
    TraceParent,
    acceptance_span,
    attempt_span,
    own_trace,
    parse,
)

ACCEPT = "accept"
RENDER = "render"
SEND = "smtp send"
RECOVER = "recover"
NAMES = (ACCEPT, RENDER, SEND, RECOVER)


@dataclass(slots=True)
class Span:
    """What is exported of one. Times are Unix nanoseconds; an attribute of None is left out.

    `trace` is what its delivery keeps. `parent` is a span id, None for a root; `span_id` None draws
    one. `events` are names and times. `link` is the span id, in the same trace, of what this span
    goes on from.
    """

    name: str
    kind: str
    trace: TraceParent
    parent: SpanId | None
    span_id: SpanId | None
    began: int
    ended: int
    attributes: Attributes
    error: str | None = None
    events: Sequence[tuple[str, int]] = ()
    link: SpanId | None = None
    tracestate: str | None = None


class Writer(Protocol):
    """What exports spans: made by `providers.start`, and only then."""

    def write(self, span: Span) -> None: ...

    def samples(self, trace_id: TraceId) -> bool:
        """Whether a trace that starts here is to be exported."""
        ...

    def active_traceparent(self) -> str | None:
        """The span that is active in this thread, of an HTTP request for example."""
        ...


_writers: list[Writer] = []


def bind(writer: Writer | None) -> None:
    _writers[:] = [] if writer is None else [writer]


def active_traceparent() -> str | None:
    """Of the span that is active in this thread; None where there is none."""
    return _writers[0].active_traceparent() if _writers else None


def traceparent_of(*, delivery_id: str, given: str | None) -> str | None:
    """What a new delivery keeps: the producer's own, else the active span's, else a new trace.

    None when no traces are exported and none was given.
    """
    if given or not _writers:
        return given
    writer = _writers[0]
    trace_id = own_trace(delivery_id)
    return writer.active_traceparent() or str(
        TraceParent(trace_id, acceptance_span(delivery_id), writer.samples(trace_id))
    )


def record_acceptance(
    decision: Decision, *, traceparent: str | None, tracestate: str | None, began: int
) -> None:
    """One command that was decided on just now.

    Only the accepted one is the parent of what follows; `traceparent` is what it keeps.
    """
    trace = parse(traceparent)
    if trace is None or not _writers:
        return
    own = acceptance_span(decision.delivery_id)
    span = Span(
        name=ACCEPT,
        kind="consumer" if decision.stream_entry_id else "internal",
        trace=trace,
        parent=None if trace.span_id == own else _caller(trace),
        span_id=own if decision.outcome == "accepted" else None,
        began=began,
        ended=time_ns(),
        attributes=decision.attributes,
        error=decision.failure_code,
        tracestate=tracestate,
    )
    _writers[0].write(span)


def record_rendering(
    *,
    delivery_id: str,
    template_id: str,
    locale_used: str | None,
    failure_code: str | None,
    traceparent: str | None,
    tracestate: str | None,
    began: int,
) -> None:
    """One template rendered just now, or not."""
    trace = parse(traceparent)
    if trace is None or not _writers:
        return
    span = Span(
        name=RENDER,
        kind="internal",
        trace=trace,
        parent=acceptance_span(delivery_id),
        span_id=None,
        began=began,
        ended=time_ns(),
        attributes={
            "mail.delivery_id": delivery_id,
            "mail.template_id": template_id,
            "mail.locale_used": locale_used,
            "mail.failure_code": failure_code,
        },
        error=failure_code,
        tracestate=tracestate,
    )
    _writers[0].write(span)


def record_attempt(
    tried: Tried,
    *,
    phases: Sequence[tuple[str, int]],
    traceparent: str | None,
    tracestate: str | None,
    began: int,
) -> None:
    """One attempt that ended just now.

    `phases` are those of the SMTP dialogue that it went through, each with its start.
    """
    trace = parse(traceparent)
    if trace is None or not _writers:
        return
    number = tried.attempt_no
    span = Span(
        name=SEND,
        kind="client",
        trace=trace,
        parent=acceptance_span(tried.delivery_id),
        # the number is used again after a give-back, and with it the id would be
        span_id=None if tried.status is None else attempt_span(tried.delivery_id, number),
        began=began,
        ended=time_ns(),
        attributes=tried.attributes,
        error=tried.failure_code,
        events=phases,
        link=attempt_span(tried.delivery_id, number - 1) if number > 1 else None,
        tracestate=tracestate,
    )
    _writers[0].write(span)


def record_recovery(
    tried: Tried, *, traceparent: str | None, tracestate: str | None, began: int
) -> None:
    """One attempt of a lost worker, recovered just now. `began` is when the worker claimed it.

    It is not a second span of the attempt: a worker that comes back exports that one itself.
    """
    trace = parse(traceparent)
    if trace is None or not _writers:
        return
    span = Span(
        name=RECOVER,
        kind="internal",
        trace=trace,
        parent=acceptance_span(tried.delivery_id),
        span_id=None,
        began=began,
        ended=time_ns(),
        attributes=tried.attributes,
        error=tried.failure_code,
        link=attempt_span(tried.delivery_id, tried.attempt_no),
        tracestate=tracestate,
    )
    _writers[0].write(span)


def attempt_ids(*, delivery_id: str, attempt_no: int, traceparent: str | None) -> Ids:
    """For log lines of an attempt; empty when it has no span."""
    trace = parse(traceparent) if _writers else None
    return {} if trace is None else ids_of(trace.trace_id, attempt_span(delivery_id, attempt_no))


def _caller(trace: TraceParent) -> SpanId:
    """The span of the request that is being served, if it is of this trace; else the producer's."""
    active = parse(_writers[0].active_traceparent())
    return active.span_id if active and active.trace_id == trace.trace_id else trace.span_id
