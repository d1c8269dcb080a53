"""The OpenTelemetry exporters, as the processes make them: each is given an empty export."""

from collections.abc import Callable
from urllib.parse import urlsplit

from deliveries.conf import Config, Exporter
from deliveries.diagnosis.facts import ExporterFacts
from deliveries.telemetry.probing import probe_metrics, probe_traces


def gather_exporters(config: Config) -> tuple[ExporterFacts, ...]:
    base = config.otel_exporter_otlp_endpoint.rstrip("/")
    return (
        _gather(
            "traces",
            config.traces_exporter,
            config.otel_exporter_otlp_traces_endpoint or f"{base}/v1/traces",
            probe_traces,
        ),
        _gather(
            "metrics",
            config.metrics_exporter,
            config.otel_exporter_otlp_metrics_endpoint or f"{base}/v1/metrics",
            probe_metrics,
        ),
    )


def _gather(
    signal: str, exporter: Exporter, endpoint: str, probe: Callable[[], str]
) -> ExporterFacts:
    if exporter is not Exporter.OTLP:
        return ExporterFacts(signal=signal, exporter=exporter)
    return ExporterFacts(
        signal=signal, exporter=exporter, endpoint=_without_secrets(endpoint), problem=probe()
    )


def _without_secrets(endpoint: str) -> str:
    """Scheme, host, port and path: a query or a user may be a key."""
    parts = urlsplit(endpoint)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
