"""An OpenTelemetry collector for the bench, in a process of its own: it keeps what it takes as it
is, and counts only at the end.

`python -m bench.collector --listen-fd N`, with the listening socket inherited. At SIGTERM it prints
how many spans it took, and how many mails the metrics call sent.
"""

import argparse
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_bodies: list[tuple[str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        _bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def spans_taken() -> int:
    return sum(
        len(scoped.spans)
        for path, body in _bodies
        if path == "/v1/traces"
        for carried in ExportTraceServiceRequest.FromString(body).resource_spans
        for scoped in carried.scope_spans
    )


def mails_sent() -> int:
    """The last value of each series of the counter."""
    last: dict[str, int] = {}
    for path, body in _bodies:
        if path != "/v1/metrics":
            continue
        for carried in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            instance = str(carried.resource.attributes)
            for scoped in carried.scope_metrics:
                for metric in scoped.metrics:
                    if metric.name == "mail.delivery.sent":
                        last[instance] = metric.sum.data_points[0].as_int
    return sum(last.values())


def end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(f"spans and sent: {spans_taken()} {mails_sent()}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen-fd", type=int, required=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.daemon_threads = True
    server.socket.close()
    server.socket = socket.socket(fileno=parser.parse_args().listen_fd)
    signal.signal(signal.SIGTERM, end)
    server.serve_forever()


if __name__ == "__main__":
    main()
