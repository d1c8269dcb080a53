"""The ids of traces and spans: read from a `traceparent`, or derived from what is on record.

A span is made when its work has ended, in whichever process that was, and others refer to it
before or after, from other processes. So its id is not drawn but derived from the delivery, and
nothing about spans needs to be stored. Pure: imports neither Django nor OpenTelemetry.
"""

from dataclasses import dataclass
from hashlib import blake2b

_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class TraceParent:
    """W3C Trace Context, section 3.2: who asked, and whether the trace is exported."""

    trace_id: int
    span_id: int
    sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"


def parse(traceparent: str | None) -> TraceParent | None:
    """A `traceparent` that acceptance let through, so its form is right; None without one."""
    if not traceparent:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")[:4]
    return TraceParent(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & _SAMPLED))


def acceptance_span(delivery_id: str) -> int:
    return _derived(8, "accept", delivery_id)


def attempt_span(delivery_id: str, attempt_no: int) -> int:
    return _derived(8, "attempt", str(attempt_no), delivery_id)


def own_trace(delivery_id: str) -> int:
    """The trace of a delivery whose producer gave none."""
    return _derived(16, "trace", delivery_id)


def _derived(size: int, *parts: str) -> int:
    digest = blake2b("\0".join(parts).encode(), digest_size=size, person=b"mail-service").digest()
    return int.from_bytes(digest) or 1  # an id of zeros is none
