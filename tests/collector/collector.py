"""The collector itself, and one that never answers."""

import gzip
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.collector.records import Metric, Point, Span, decode_metrics, decode_spans

_EXPORT_MS = 200
_POLL = 0.05


class Collector:
    """Listens on loopback, on a free port unless one is given, for as long as it is entered."""

    def __init__(self, *, signals: tuple[str, ...] = ("traces", "metrics"), port: int = 0) -> None:
        self._lock = threading.Lock()
        self._spans: list[Span] = []
        self._exports: list[tuple[float, Metric]] = []
        self._signals = signals
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to export here, often."""
        return environment_of(self.port, signals=self._signals)

    @property
    def spans(self) -> list[Span]:
        with self._lock:
            return list(self._spans)

    def spans_named(self, name: str, **attributes: Any) -> list[Span]:
        wanted = {f"mail.{key}": value for key, value in attributes.items()}
        return [
            span
            for span in self.spans
            if span.name == name and wanted.items() <= span.attributes.items()
        ]

    @property
    def metrics(self) -> dict[str, Metric]:
        """By name, each with the last point of every series of every process."""
        last: dict[str, dict[Any, Point]] = {}
        found: dict[str, Metric] = {}
        with self._lock:
            exports = list(self._exports)
        for _, metric in exports:
            found.setdefault(
                metric.name, Metric(metric.name, metric.unit, metric.description, metric.kind)
            )
            for point in metric.points:
                key = (point.resource["service.instance.id"], *sorted(point.attributes.items()))
                last.setdefault(metric.name, {})[key] = point
        for name, series in last.items():
            found[name].points = list(series.values())
        return found

    def series(self, name: str, **labels: str) -> list[Point]:
        metric = self.metrics.get(name)
        points = metric.points if metric else []
        return [point for point in points if labels.items() <= point.attributes.items()]

    def value(self, name: str, **labels: str) -> float | None:
        """The sum over all series with these labels; None when there is none."""
        points = self.series(name, **labels)
        return sum(point.value for point in points) if points else None

    def gauge_values(self, name: str, *, since: float = 0.0) -> list[float]:
        """Every exported value since a time of the monotonic clock."""
        with self._lock:
            exports = [metric for at, metric in self._exports if at >= since]
        return [p.value for metric in exports if metric.name == name for p in metric.points]

    def exports(self, *, since: float) -> int:
        """How many exports of metrics came since a time of the monotonic clock."""
        with self._lock:
            return len({at for at, _ in self._exports if at >= since})

    def wait_for(self, condition: Callable[[], Any], *, seconds: float = 30.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(_POLL)
        return result

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.take(self.path, body, dict(self.headers))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: the tests' output is for failures."""

        return Handler

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        with self._lock:
            self.bodies.append(body)
            self.headers.append(headers)
            if path == "/v1/traces":
                self._spans.extend(decode_spans(body))
            elif path == "/v1/metrics":
                at = time.monotonic()
                self._exports.extend((at, metric) for metric in decode_metrics(body))
            else:
                raise AssertionError(path)


class Silence:
    """A collector that takes connections and never answers: the worst that one can be."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def environment(self) -> dict[str, str]:
        return environment_of(self._listener.getsockname()[1])


def environment_of(
    port: int, *, signals: tuple[str, ...] = ("traces", "metrics")
) -> dict[str, str]:
    return {
        **{f"OTEL_{signal.upper()}_EXPORTER": "otlp" for signal in signals},
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_METRIC_EXPORT_INTERVAL": str(_EXPORT_MS),
        "OTEL_BSP_SCHEDULE_DELAY": str(_EXPORT_MS),
    }
