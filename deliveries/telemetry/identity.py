"""The ids of traces and spans: read from a `traceparent`, or derived from what is on record.

A span is made when its work has ended, in whichever process that was, and others refer to it
before or after, from other processes. So its id is not drawn but derived from the delivery, and
nothing about spans needs to be stored. Ids are bytes: 16 of a trace, 8 of a span. Pure: imports
neither Django nor OpenTelemetry.
"""

from dataclasses import dataclass
from hashlib import blake2b

TraceId = bytes
SpanId = bytes

_PERSON = b"mail-service"
_ZEROS = bytes(16)


@dataclass(frozen=True, slots=True)
class TraceParent:
    """W3C Trace Context, section 3.2: who asked, and whether the trace is exported."""

    trace_id: TraceId
    span_id: SpanId
    sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id.hex()}-{self.span_id.hex()}-{int(self.sampled):02x}"


def parse(traceparent: str | None) -> TraceParent | None:
    """A `traceparent` that acceptance let through, so its form is right; None without one."""
    if not traceparent:
        return None
    return TraceParent(
        bytes.fromhex(traceparent[3:35]),
        bytes.fromhex(traceparent[36:52]),
        bool(int(traceparent[53:55], 16) & 1),
    )


def acceptance_span(delivery_id: str) -> SpanId:
    return _derived(8, f"accept\0{delivery_id}")


def attempt_span(delivery_id: str, attempt_no: int) -> SpanId:
    return _derived(8, f"attempt\0{attempt_no}\0{delivery_id}")


def own_trace(delivery_id: str) -> TraceId:
    """The trace of a delivery whose producer gave none."""
    return _derived(16, f"trace\0{delivery_id}")


def _derived(size: int, of: str) -> bytes:
    digest = blake2b(of.encode(), digest_size=size, person=_PERSON).digest()
    return digest if digest != _ZEROS[:size] else b"\1" * size  # an id of zeros is not valid
