"""An OpenTelemetry collector of the tests' own: it takes OTLP over HTTP and keeps it, decoded.

with Collector() as collector:
    service.start("run_attempts", overrides=collector.environment)
    collector.wait_for(lambda: collector.value("mail.delivery.sent") == 1)
"""

from tests.collector.collector import Collector, Silence
from tests.collector.records import Metric, Point, Span

__all__ = ["Collector", "Metric", "Point", "Silence", "Span"]
