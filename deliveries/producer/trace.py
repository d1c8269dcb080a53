"""The caller's trace, handed on so that it reaches from the request to the relay."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

# W3C Trace Context section 3.2
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_TRACESTATE = re.compile(r"[ -~]{1,512}")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The values of the headers `traceparent` and `tracestate`."""

    traceparent: str
    tracestate: str | None = None

    @classmethod
    def from_carrier(cls, carrier: Mapping[str, str]) -> Self | None:
        """Of what `opentelemetry.propagate.inject` filled, or of a request's headers.

        None where there is no trace that can be read: no mail is held back for that.
        """
        lower = {name.lower(): value for name, value in carrier.items()}
        traceparent, tracestate = lower.get("traceparent", ""), lower.get("tracestate", "")
        if not _TRACEPARENT.fullmatch(traceparent):
            return None
        return cls(traceparent, tracestate if _TRACESTATE.fullmatch(tracestate) else None)

    def headers(self) -> dict[str, str]:
        """Raises nothing: what cannot be read is left out."""
        if not _TRACEPARENT.fullmatch(self.traceparent):
            return {}
        found = {"traceparent": self.traceparent}
        if self.tracestate is not None and _TRACESTATE.fullmatch(self.tracestate):
            found["tracestate"] = self.tracestate
        return found
