"""What a request says: its body, its headers, its query, each within bounds."""

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from deliveries.http.problems import Code, Problem
from deliveries.intake.command import read_trace
from deliveries.intake.members import load_json
from deliveries.intake.rejection import Rejection

_KEY = re.compile(r"[!-~]{1,255}")
_JSON = re.compile(r'application/json(?: *; *charset="?utf-8"?)?', re.IGNORECASE)
_TRACE = {
    "request_id": "HTTP_X_REQUEST_ID",
    "traceparent": "HTTP_TRACEPARENT",
    "tracestate": "HTTP_TRACESTATE",
}


def read_object(request: HttpRequest, *, may_be_absent: bool = False) -> dict[str, Any]:
    """The body, one JSON object of bounded size and depth. Absent it may stand for an empty one.

    Raises Problem: unsupported_media_type, body_too_large, invalid_json.
    """
    body = _read_body(request)
    if not body and may_be_absent:
        return {}
    if not _JSON.fullmatch(request.META.get("CONTENT_TYPE", "").strip()):
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json in UTF-8")
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "the body must not be compressed")
    try:
        return load_json(body)
    except Rejection as rejection:
        detail = rejection.message.removeprefix("payload_json: ")
        raise Problem(Code.INVALID_JSON, f"the body {detail}") from None


def read_key(request: HttpRequest) -> str:
    """The Idempotency-Key. Raises Problem(invalid_idempotency_key)."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if not is_key(key):
        raise Problem(
            Code.INVALID_IDEMPOTENCY_KEY,
            "the header Idempotency-Key must be 1 to 255 visible ASCII characters",
        )
    return str(key)


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def read_trace_headers(request: HttpRequest) -> dict[str, str]:
    """`request_id`, `traceparent` and `tracestate`, as far as they are present and valid."""
    raw = {name: request.META.get(header, "") for name, header in _TRACE.items()}
    return read_trace({name: text.encode("latin-1", "replace") for name, text in raw.items()})


def _read_body(request: HttpRequest) -> bytes:
    most: int = settings.MAIL.internal_http_max_body_bytes
    body: bytes | None = request.META.get(_BODY)
    if body is None:
        try:
            body = request.META[_BODY] = request.read(most + 1)
        except OSError:
            raise Problem(Code.INVALID_REQUEST, "the body ended early") from None
    if len(body) > most:
        # what is left of it is not worth reading
        raise Problem(Code.BODY_TOO_LARGE, f"the body is larger than {most} bytes", headers=_CLOSE)
    return body


_CLOSE = {"Connection": "close"}
_BODY = "mail.body"  # in `request.META`: a view that is called again finds it there
