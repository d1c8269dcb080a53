"""The providers of one process. Importing this imports the SDK, a third of a second of it."""

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider as AnyMeterProvider
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    TraceIdRatioBased,
)
from opentelemetry.sdk.trace.sampling import Sampler as SdkSampler
from opentelemetry.trace import NoOpTracerProvider

from deliveries.conf import Config, Exporter, Sampler
from deliveries.telemetry import current, metrics, spans
from deliveries.telemetry.exporters import metric_exporter, span_exporter
from deliveries.telemetry.writing import SCOPE, SpanWriter, active_ids

# What the instrumentation of Django may label its metrics with. Hosts, ports and paths that callers
# choose would each make a series.
_HTTP_LABELS = {"http.request.method", "http.response.status_code", "http.route"}


@dataclass(frozen=True, slots=True)
class Providers:
    """What was made. A kind that is not exported has a provider that does nothing."""

    tracing: trace.TracerProvider
    metering: AnyMeterProvider
    stops: tuple[Callable[[], Any], ...]

    def stop(self, *, seconds: float) -> bool:
        """Flush and end both at once; whether that was done in time.

        Each in a daemon thread: a collector that is away would hold the process for long.
        """
        threads = [threading.Thread(target=stop, daemon=True) for stop in self.stops]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)


def make(*, config: Config, process: str) -> Providers:
    """Make the providers in the process that uses them: their threads do not survive a fork."""
    resource = _resource(config, process)
    stops: list[Callable[[], Any]] = []
    metering: AnyMeterProvider = NoOpMeterProvider()
    tracing: trace.TracerProvider = NoOpTracerProvider()
    if config.metrics_exporter is not Exporter.NONE:
        metering = made = _metering(config, resource)
        stops.append(made.shutdown)
        for metric in metrics.METRICS:
            metric.bind(made.get_meter(SCOPE))
    if config.traces_exporter is not Exporter.NONE:
        processor = BatchSpanProcessor(span_exporter(config.traces_exporter, resource=resource))
        tracing = tracer_provider = TracerProvider(
            sampler=_sampler(config), resource=resource, shutdown_on_exit=False
        )
        tracer_provider.add_span_processor(processor)
        stops.append(tracer_provider.shutdown)
        spans.bind(SpanWriter(provider=tracer_provider, processor=processor))
        current.ask_also(active_ids)
    return Providers(tracing=tracing, metering=metering, stops=tuple(stops))


def _resource(config: Config, process: str) -> Resource:
    """Who exports. The instance is new at every start: its counters start at zero."""
    return Resource.create(
        {
            "service.name": config.otel_service_name,
            "service.instance.id": str(uuid4()),
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
            "mail.process": process,
        }
    )


def _metering(config: Config, resource: Resource) -> MeterProvider:
    reader = PeriodicExportingMetricReader(
        metric_exporter(config.metrics_exporter),
        export_interval_millis=config.otel_metric_export_interval,
    )
    return MeterProvider(
        metric_readers=[reader],
        resource=resource,
        shutdown_on_exit=False,
        exemplar_filter=AlwaysOffExemplarFilter(),
        views=[View(instrument_name="http.server.*", attribute_keys=_HTTP_LABELS)],
    )


def _sampler(config: Config) -> SdkSampler:
    ratio = TraceIdRatioBased(config.otel_traces_sampler_arg)
    return {
        Sampler.ALWAYS_ON: ALWAYS_ON,
        Sampler.ALWAYS_OFF: ALWAYS_OFF,
        Sampler.RATIO: ratio,
        Sampler.PARENTBASED_ALWAYS_ON: ParentBased(ALWAYS_ON),
        Sampler.PARENTBASED_ALWAYS_OFF: ParentBased(ALWAYS_OFF),
        Sampler.PARENTBASED_RATIO: ParentBased(ratio),
    }[config.otel_traces_sampler]
