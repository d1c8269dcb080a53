"""From the record of a mail's span to the SDK's batches."""

from dataclasses import dataclass
from typing import Any, ClassVar

from opentelemetry import trace
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from deliveries.telemetry.current import Ids, ids_of
from deliveries.telemetry.identity import SpanId, TraceId, TraceParent
from deliveries.telemetry.spans import ACCEPT, Span

SCOPE = "deliveries"
_KINDS = {
    "internal": SpanKind.INTERNAL,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


@dataclass(slots=True)
class MailSpan:
    """One on its way through the SDK's batch processor, which looks at `context` only."""

    span: Span
    context: ClassVar[SpanContext] = SpanContext(1, 1, is_remote=False, trace_flags=_SAMPLED)


class SpanWriter:
    """Hands finished spans over, with ids that were known beforehand: no tracer can do that.

    It is also many times cheaper than a tracer's span, which anyone could still read and change.
    """

    def __init__(self, *, provider: TracerProvider, processor: SpanProcessor) -> None:
        self._sampler: Sampler = provider.sampler
        self._follows = isinstance(self._sampler, ParentBased)
        self._hand_over: Any = processor.on_end
        self._ids = RandomIdGenerator()

    def write(self, span: Span) -> None:
        # a trace that started with its own delivery was decided on then
        decided = self._follows or span.parent is None
        if not (span.trace.sampled if decided else self._samples(span)):
            return
        if span.span_id is None:
            span.span_id = self._ids.generate_span_id().to_bytes(8)
        self._hand_over(MailSpan(span))

    def samples(self, trace_id: TraceId) -> bool:
        result = self._sampler.should_sample(
            None, int.from_bytes(trace_id), ACCEPT, SpanKind.INTERNAL
        )
        return result.decision is Decision.RECORD_AND_SAMPLE

    def active_traceparent(self) -> str | None:
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return None
        sampled = context.trace_flags.sampled
        return str(TraceParent(*_ids(context), sampled))

    def _samples(self, span: Span) -> bool:
        parent = NonRecordingSpan(_context(span, span.trace.span_id, is_remote=True))
        result = self._sampler.should_sample(
            trace.set_span_in_context(parent),
            int.from_bytes(span.trace.trace_id),
            span.name,
            _KINDS[span.kind],
        )
        return result.decision is Decision.RECORD_AND_SAMPLE


def readable(span: Span, resource: Any) -> ReadableSpan:
    """The same as the SDK has it, for exporters that take nothing else."""
    parent = span.parent
    return ReadableSpan(
        name=span.name,
        context=_context(span, span.span_id or b"", is_remote=False),
        parent=_context(span, parent, is_remote=parent == span.trace.span_id) if parent else None,
        resource=resource,
        attributes={name: value for name, value in span.attributes.items() if value is not None},
        events=[Event(name, None, at) for name, at in span.events],
        links=[Link(_context(span, span.link, is_remote=False))] if span.link else [],
        kind=_KINDS[span.kind],
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
        start_time=span.began,
        end_time=span.ended,
        instrumentation_scope=InstrumentationScope(SCOPE),
    )


def active_ids() -> Ids:
    """Of the span that is active in this thread, of an HTTP request for example."""
    context = trace.get_current_span().get_span_context()
    return ids_of(*_ids(context)) if context.is_valid else {}


def _ids(context: SpanContext) -> tuple[TraceId, SpanId]:
    return context.trace_id.to_bytes(16), context.span_id.to_bytes(8)


def _context(span: Span, span_id: SpanId, *, is_remote: bool) -> SpanContext:
    flags = _SAMPLED if span.trace.sampled else TraceFlags(TraceFlags.DEFAULT)
    state = TraceState.from_header([span.tracestate]) if span.tracestate else None
    trace_id = int.from_bytes(span.trace.trace_id)
    return SpanContext(trace_id, int.from_bytes(span_id), is_remote, flags, state)
