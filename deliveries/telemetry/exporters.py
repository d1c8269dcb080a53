"""Where telemetry goes: the exporters, made as the configuration has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from deliveries.conf import Exporter
from deliveries.telemetry.encoding import encode
from deliveries.telemetry.writing import SCOPE, MailSpan, readable

# What may leave of a span that a library made. URLs name recipients, texts of exceptions hold
# values of rows, and both would be attributes.
_TOLD = frozenset(
    {
        "error.type",
        "exception.escaped",
        "exception.type",
        "http.flavor",
        "http.method",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.scheme",
        "http.status_code",
        "http.status_text",
        "network.protocol.version",
        "url.scheme",
    }
)


def span_exporter(exporter: Exporter, *, resource: Resource) -> SpanExporter:
    if exporter is Exporter.CONSOLE:
        return ConsoleSpans(resource)
    return OtlpSpans(resource)


def metric_exporter(exporter: Exporter) -> MetricExporter:
    if exporter is Exporter.CONSOLE:
        return ConsoleMetricExporter(formatter=lambda data: f"{data.to_json(indent=None)}\n")
    return OTLPMetricExporter()


class OtlpSpans(OTLPSpanExporter):
    """The library's exporter, with an encoder for the spans of mails that costs a fifth.

    Its HTTP client, with the retries, the headers and the certificates of the standard, has no
    public name: a test holds us to the pinned version.
    """

    _client: Any

    def __init__(self, resource: Resource) -> None:
        super().__init__()
        self._of = {name: _plain(value) for name, value in resource.attributes.items()}
        self._schema_url = resource.schema_url

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        mails = [span.span for span in spans if isinstance(span, MailSpan)]
        others = [discreet(span) for span in spans if not isinstance(span, MailSpan)]
        # repeated fields of messages that follow each other are one: that is protobuf's rule
        body = encode_spans(others).SerializeToString() if others else b""
        if mails:
            body += encode(mails, resource=self._of, scope=SCOPE, schema_url=self._schema_url)
        sent = self._client.export(body).success
        return SpanExportResult.SUCCESS if sent else SpanExportResult.FAILURE


class ConsoleSpans(ConsoleSpanExporter):
    """One line per span, on stdout."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(formatter=lambda span: f"{span.to_json(indent=None)}\n")
        self._resource = resource

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        return super().export(
            [
                readable(span.span, self._resource)
                if isinstance(span, MailSpan)
                else discreet(span)
                for span in spans
            ]
        )


def discreet(span: ReadableSpan) -> ReadableSpan:
    """A library's span without what callers and errors wrote into it."""
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_told(span.attributes),
        events=[
            Event(event.name, _told(event.attributes), event.timestamp) for event in span.events
        ],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _told(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name in _TOLD}


def _plain(value: Any) -> str | int | bool:
    """Resource attributes may be lists, if the environment makes them so."""
    return value if isinstance(value, str | int | bool) else str(value)
