"""Whether a collector takes what this service would export: an empty export, by the same client."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricsData

from deliveries.reasons import reason_in

_SECONDS = 3.0
_STATUS = re.compile(r"\bcode: (\d{3})")


def probe_traces() -> str:
    """What is wrong with the collector of traces, empty when nothing is."""
    return _probe(OTLPSpanExporter(timeout=_SECONDS), [])


def probe_metrics() -> str:
    return _probe(OTLPMetricExporter(timeout=_SECONDS), MetricsData(resource_metrics=[]))


def _probe(exporter: Any, nothing: object) -> str:
    with _overheard() as said:
        result = exporter.export(nothing)
        exporter.shutdown()
    if result.name == "SUCCESS":
        return ""
    codes = [found[1] for line in said if (found := _STATUS.search(line))]
    if codes:
        return f"it answers {codes[-1]}"
    # the last line is the exporter's own giving up, which is a timeout always
    return next(filter(None, map(reason_in, said)), f"no answer within {_SECONDS:.0f} s")


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What the library logs comes here meanwhile: its texts hold hosts and headers."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    library = logging.getLogger("opentelemetry")
    propagated, handlers = library.propagate, library.handlers[:]
    library.propagate, library.handlers[:] = False, [Ear()]
    try:
        yield said
    finally:
        library.propagate, library.handlers[:] = propagated, handlers
