"""The spans of mails as the OTLP request that carries them.

The library's encoder costs five times the CPU for the same bytes, too much for several thousand
spans a second. Here the attributes that repeat from span to span are encoded once.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Encoded
from opentelemetry.proto.trace.v1.trace_pb2 import SpanFlags, Status

from deliveries.telemetry.facts import Value
from deliveries.telemetry.spans import Span

_KINDS = {
    "internal": Encoded.SPAN_KIND_INTERNAL,
    "consumer": Encoded.SPAN_KIND_CONSUMER,
    "client": Encoded.SPAN_KIND_CLIENT,
}
_LOCAL = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE = _LOCAL | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_OF_ONE_SPAN = frozenset({"mail.delivery_id", "mail.stream_entry_id"})


def encode(
    spans: Sequence[Span], *, resource: dict[str, Value], scope: str, schema_url: str = ""
) -> bytes:
    """An ExportTraceServiceRequest of spans that have their ids."""
    request = ExportTraceServiceRequest()
    carried = request.resource_spans.add(schema_url=schema_url)
    carried.resource.CopyFrom(Resource(attributes=_attributes(resource)))
    scoped = carried.scope_spans.add(scope=InstrumentationScope(name=scope))
    for span in spans:
        _encode_span(scoped.spans.add, span)
    encoded: bytes = request.SerializePartialToString()
    return encoded


def _encode_span(add: Any, span: Span) -> None:
    trace, parent = span.trace, span.parent
    made = add(
        trace_id=trace.trace_id,
        span_id=span.span_id,
        parent_span_id=parent,
        trace_state=span.tracestate,
        flags=_REMOTE if parent == trace.span_id else _LOCAL,
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.began,
        end_time_unix_nano=span.ended,
        status=_status(span.error),
    )
    made.attributes.extend(_attributes(span.attributes))
    add_event = made.events.add
    for name, at in span.events:
        add_event(name=name, time_unix_nano=at)
    if span.link:
        made.links.add(trace_id=trace.trace_id, span_id=span.link, flags=_LOCAL)


@lru_cache(maxsize=64)
def _status(error: str | None) -> Status:
    if error is None:
        return Status()
    return Status(code=Status.STATUS_CODE_ERROR, message=error)


def _attributes(attributes: Mapping[str, Value | None]) -> Iterable[KeyValue]:
    return [
        _make(name, value)
        if name in _OF_ONE_SPAN
        # by type too: True and 1 would share a place
        else _repeated(name, value, type(value) is bool)
        for name, value in attributes.items()
        if value is not None
    ]


@lru_cache(maxsize=1024)
def _repeated(name: str, value: Value, _is_bool: bool) -> KeyValue:  # noqa: FBT001 - a key
    return _make(name, value)


def _make(name: str, value: Value) -> KeyValue:
    if isinstance(value, str):
        return KeyValue(key=name, value=AnyValue(string_value=value))
    if isinstance(value, bool):
        return KeyValue(key=name, value=AnyValue(bool_value=value))
    return KeyValue(key=name, value=AnyValue(int_value=value))
