"""The start and the end of telemetry in one process."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from deliveries.conf import Config, Exporter
from deliveries.telemetry import current, metrics, spans
from deliveries.telemetry.complaints import quieten

if TYPE_CHECKING:
    from deliveries.telemetry.sdk import Providers

logger = logging.getLogger(__name__)

_started: "list[Providers]" = []


def start(*, config: Config, process: str, once: bool = False) -> None:
    """Start exporting, if the configuration says so. Once per process, after every fork.

    `process` is the Procfile type, or the name of a command that runs `once`. Such a one exports
    spans, and to a collector alone: its stdout is its answer. It exports no metrics, because a
    counter that is seen once shows no increase.
    """
    if once:
        traces = Exporter.OTLP if config.traces_exporter is Exporter.OTLP else Exporter.NONE
        config = replace(config, otel_traces_exporter=traces, otel_metrics_exporter=Exporter.NONE)
    if {config.traces_exporter, config.metrics_exporter} == {Exporter.NONE}:
        return
    from deliveries.telemetry import sdk  # noqa: PLC0415 - expensive, and needed for nothing else

    quieten()
    _started.append(sdk.make(config=config, process=process))


def stop(*, seconds: float) -> None:
    """Export what is left, for at most so long; what is recorded afterwards is dropped."""
    metrics.clear_gauges()
    while _started:
        if not _started.pop().stop(seconds=max(0.0, seconds)):
            logger.warning("telemetry was left unexported")
    for metric in metrics.METRICS:
        metric.unbind()
    spans.bind(None)
    current.ask_nobody_else()


def instrument_django() -> None:
    """Have HTTP requests make spans and metrics. After `start`, before the application loads."""
    if _started:
        from deliveries.telemetry.instrumentation import instrument  # noqa: PLC0415 - as above

        instrument(_started[-1])
