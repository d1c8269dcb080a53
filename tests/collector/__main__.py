"""The collector by hand, to watch a stack: `python -m tests.collector --port 4318`.

A line for every series that has moved, or that is exported no longer, and for every span.
"""

import argparse
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from tests.collector.collector import Collector
from tests.collector.records import Metric, Span, decode_metrics, decode_spans


class Watch(Collector):
    """Shows what comes instead of keeping it."""

    def __init__(self, *, port: int) -> None:
        super().__init__(port=port)
        self._seen: dict[str, dict[str, float]] = {}
        self._showing = threading.Lock()

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        with self._showing:
            if path == "/v1/traces":
                for span in decode_spans(body):
                    _show(span.resource["mail.process"], told(span))
            else:
                self._show_moved(list(decode_metrics(body)))

    def _show_moved(self, metrics: list[Metric]) -> None:
        """An export is of one process and holds all its series."""
        resources = [point.resource for metric in metrics for point in metric.points]
        if not resources:
            return
        process, instance = (resources[0][name] for name in ("mail.process", "service.instance.id"))
        before = self._seen.get(instance, {})
        now = values_of(metrics)
        for line in moved(before, now):
            _show(process, line)
        self._seen[instance] = now


def values_of(metrics: list[Metric]) -> dict[str, float]:
    """By name and labels; a histogram by the number of its records."""
    return {
        f"{metric.name}{_labels(point.attributes)}": point.value
        for metric in metrics
        for point in metric.points
    }


def moved(before: dict[str, float], now: dict[str, float]) -> list[str]:
    """What has another value than before, a first one that is not zero, or none any more."""
    changed = [
        f"{series} {value:,.0f}" for series, value in now.items() if value != before.get(series, 0)
    ]
    return [*changed, *(f"{series} is absent" for series in before if series not in now)]


def told(span: Span) -> str:
    shown = " ".join(
        f"{name.removeprefix('mail.')}={value}"
        for name, value in span.attributes.items()
        if name.startswith("mail.")
    )
    return f"span “{span.name}” of trace {span.trace_id} {shown}"


def _labels(attributes: dict[str, Any]) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in sorted(attributes.items()))
    return f"{{{labels}}}" if labels else ""


def _show(process: str, line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {process:<9} {line}\n")
    sys.stdout.flush()


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.collector",
        description="An OpenTelemetry collector on the loopback address that shows what it gets.",
    )
    parser.add_argument("--port", type=int, default=4318)
    return parser


def main() -> None:
    with Watch(port=make_parser().parse_args().port):
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
