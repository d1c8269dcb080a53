"""Spans and metrics of Django's requests, by the library made for it."""

import os

from django.http import HttpRequest
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.trace import Span

from deliveries.telemetry.current import ids_of
from deliveries.telemetry.requests import IDS
from deliveries.telemetry.sdk import Providers


def instrument(providers: Providers) -> None:
    """Put the library's middleware first. Before the application is loaded."""
    # the stable names; under the old ones a path that no route knows would be a label
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    DjangoInstrumentor().instrument(
        tracer_provider=providers.tracing,
        meter_provider=providers.metering,
        request_hook=_leave_ids,
    )


def _leave_ids(span: Span, request: HttpRequest) -> None:
    """For the access log, which is written when the span has ended."""
    context = span.get_span_context()
    if context.is_valid:
        request.META[IDS] = ids_of(context.trace_id.to_bytes(16), context.span_id.to_bytes(8))
