"""Where telemetry goes. Pure."""

from deliveries.conf import Config
from deliveries.diagnosis.facts import ExporterFacts
from deliveries.diagnosis.finding import Verdict, ok, warning


def reached(_config: Config, facts: tuple[ExporterFacts, ...]) -> Verdict:
    broken = [one for one in facts if one.problem]
    shown = "; ".join(f"{one.signal}: {_exporter(one)}" for one in facts)
    if broken:
        return warning(
            shown,
            "Mail goes on without it, and alerts do not. Is the collector up, and are"
            " OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS right?",
        )
    return ok(shown)


def _exporter(one: ExporterFacts) -> str:
    if one.exporter != "otlp":
        return one.exporter
    return f"{one.endpoint} {one.problem or 'took an empty export'}"
