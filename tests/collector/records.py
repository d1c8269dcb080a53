"""What was exported, decoded: spans, and the points of metrics."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as EncodedSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True)
class Span:
    """Ids are lower-case hex, times Unix nanoseconds; `parent` of a root is empty."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent: str
    began: int
    ended: int
    attributes: dict[str, Any]
    events: tuple[tuple[str, int, dict[str, Any]], ...]
    links: tuple[tuple[str, str], ...]
    trace_state: str
    failed: bool
    status_message: str
    resource: dict[str, Any]
    scope: str


@dataclass(frozen=True)
class Point:
    """One series at one export. A histogram's `value` is the number of its records."""

    attributes: dict[str, Any]
    resource: dict[str, Any]
    value: float
    at: int
    sum: float = 0.0
    bounds: tuple[float, ...] = ()
    buckets: tuple[int, ...] = ()


@dataclass
class Metric:
    name: str
    unit: str
    description: str
    kind: str
    points: list[Point] = field(default_factory=list)


def decode_spans(body: bytes) -> Iterator[Span]:
    for carried in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _attributes(carried.resource.attributes)
        for scoped in carried.scope_spans:
            for span in scoped.spans:
                yield _span(span, resource, scoped.scope.name)


def decode_metrics(body: bytes) -> Iterator[Metric]:
    for carried in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        resource = _attributes(carried.resource.attributes)
        for scoped in carried.scope_metrics:
            for metric in scoped.metrics:
                yield _metric(metric, resource)


def _span(span: EncodedSpan, resource: dict[str, Any], scope: str) -> Span:
    kind = EncodedSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower()
    return Span(
        name=span.name,
        kind=kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=tuple((e.name, e.time_unix_nano, _attributes(e.attributes)) for e in span.events),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        trace_state=span.trace_state,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        status_message=span.status.message,
        resource=resource,
        scope=scope,
    )


def _metric(metric: Any, resource: dict[str, Any]) -> Metric:
    kind = metric.WhichOneof("data")
    found = Metric(metric.name, metric.unit, metric.description, _kind(metric, kind))
    for point in getattr(metric, kind).data_points:
        common = {
            "attributes": _attributes(point.attributes),
            "resource": resource,
            "at": point.time_unix_nano,
        }
        if kind == "histogram":
            found.points.append(
                Point(
                    **common,
                    value=point.count,
                    sum=point.sum,
                    bounds=tuple(point.explicit_bounds),
                    buckets=tuple(point.bucket_counts),
                )
            )
        else:
            found.points.append(Point(**common, value=getattr(point, point.WhichOneof("value"))))
    return found


def _kind(metric: Any, kind: str) -> str:
    if kind == "sum":
        return "counter" if metric.sum.is_monotonic else "up_down_counter"
    return kind


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
