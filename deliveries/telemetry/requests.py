"""The trace of an HTTP request, as its access log line tells it. Imports no OpenTelemetry."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from deliveries.telemetry.current import Ids, ids_of

IDS = "mail.otel_ids"  # in `request.META`: left there while the span of the request is active

# W3C Trace Context, section 3.2
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def ids_of_request(environ: Mapping[str, Any]) -> Ids:
    """Those of its span; without one the caller's trace, or a new one, and a span of that name.

    So a line of the access log can be asked for by its ids whether traces are exported or not.
    """
    left: Ids | None = environ.get(IDS)
    if left:
        return left
    given = _TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", ""))
    trace_id = bytes.fromhex(given[1]) if given else secrets.token_bytes(16)
    return ids_of(trace_id, secrets.token_bytes(8))
