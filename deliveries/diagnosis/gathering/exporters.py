"""The OpenTelemetry exporters, as the processes would make them: each sends an empty export.

Libraries read the standard variables themselves, so this asks the same libraries.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace.export import SpanExportResult

from deliveries.conf import Config
from deliveries.diagnosis.facts import ExporterFacts

_SECONDS = 3.0
_VARIABLES = {"traces": "OTEL_TRACES_EXPORTER", "metrics": "OTEL_METRICS_EXPORTER"}
_STATUS = re.compile(r"\bcode: (\d{3})")


def gather_exporters(_config: Config) -> tuple[ExporterFacts, ...]:
    return tuple(
        _gather(signal, os.environ.get(variable, "").strip().lower() or "none")
        for signal, variable in _VARIABLES.items()
    )


def _gather(signal: str, exporter: str) -> ExporterFacts:
    if exporter != "otlp":
        return ExporterFacts(signal=signal, exporter=exporter)
    with _overheard() as said:
        endpoint, took = _ASK[signal]()
    codes = [found[1] for line in said if (found := _STATUS.search(line))]
    answer = f"it answers {codes[-1]}" if codes else f"no answer within {_SECONDS:.0f} s"
    return ExporterFacts(
        signal=signal,
        exporter=exporter,
        endpoint=_without_secrets(endpoint),
        problem="" if took else answer,
    )


def _ask_for_traces() -> tuple[str, bool]:
    exporter = OTLPSpanExporter(timeout=_SECONDS)
    took = exporter.export([]) is SpanExportResult.SUCCESS
    exporter.shutdown()  # type: ignore[no-untyped-call]
    return exporter._endpoint, took


def _ask_for_metrics() -> tuple[str, bool]:
    exporter = OTLPMetricExporter(timeout=_SECONDS)
    took = exporter.export(MetricsData(resource_metrics=[])) is MetricExportResult.SUCCESS
    exporter.shutdown()
    return exporter._endpoint, took


_ASK: dict[str, Callable[[], tuple[str, bool]]] = {
    "traces": _ask_for_traces,
    "metrics": _ask_for_metrics,
}


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What the exporters log goes here for the while, and not to the operator's terminal."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    source, ear = logging.getLogger("opentelemetry"), Ear()
    propagated, source.propagate = source.propagate, False
    source.addHandler(ear)
    try:
        yield said
    finally:
        source.removeHandler(ear)
        source.propagate = propagated


def _without_secrets(endpoint: str) -> str:
    """Scheme, host, port and path: a query or a user may be a key."""
    parts = urlsplit(endpoint)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
