"""The fields of a stream entry, and of what identifies a command."""

import json
import re
import time
import uuid
from typing import Any, TypeGuard

from deliveries.producer.errors import InvalidCommandError
from deliveries.producer.mail import Mail
from deliveries.producer.trace import TraceContext

SOURCE = "notification"
DEFAULT_MAX_PAYLOAD_BYTES = 5 * 1024 * 1024

_KEY = re.compile(r"[!-~]{1,255}")
_DELIVERY_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_REQUEST_ID = re.compile(r"[ -~]{1,512}")
_IDS = uuid.UUID("6d61696c-7365-5276-8963-650000000001")  # a name space of its own (RFC 9562, v5)


def entry_fields(
    mail: Mail,
    *,
    idempotency_key: str,
    delivery_id: str | None = None,
    request_id: str | None = None,
    trace: TraceContext | None = None,
    max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES,
) -> dict[str, bytes]:
    """The entry of one command, as it lies on the stream. Raises InvalidCommandError."""
    chosen = delivery_id or delivery_id_of(idempotency_key)
    if not _DELIVERY_ID.fullmatch(chosen):
        raise InvalidCommandError("delivery_id: must be 1 to 128 of A-Z a-z 0-9 . _ : -")
    payload = encode_json(mail.payload(), "the mail")
    if len(payload) > max_payload_bytes:
        raise InvalidCommandError(f"the mail: is larger than {max_payload_bytes} bytes")
    fields = {
        "delivery_id": chosen,
        "source": SOURCE,
        "payload_mode": mail.mode,
        "idempotency_key": check_key(idempotency_key),
        "requested_at_ms": str(time.time_ns() // 1_000_000),
        **(trace.headers() if trace else {}),
    }
    if is_request_id(request_id):
        fields["request_id"] = request_id
    return {**{name: text.encode() for name, text in fields.items()}, "payload_json": payload}


def delivery_id_of(idempotency_key: str) -> str:
    """The id of the delivery that a key stands for, so that a repetition names the same one."""
    return str(uuid.uuid5(_IDS, check_key(idempotency_key)))


def check_key(idempotency_key: str) -> str:
    """Return it. Raises InvalidCommandError."""
    if not _KEY.fullmatch(idempotency_key):
        raise InvalidCommandError("idempotency_key: must be 1 to 255 visible ASCII characters")
    return idempotency_key


def is_request_id(text: str | None) -> TypeGuard[str]:
    """Whether the service keeps it with the delivery. No mail is held back for one that is not
    kept."""
    return text is not None and _REQUEST_ID.fullmatch(text) is not None


def encode_json(value: Any, what: str) -> bytes:
    """Raises InvalidCommandError for what JSON in UTF-8 cannot say."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError):
        # the error's own text may hold a value
        raise InvalidCommandError(f"{what}: holds a value that JSON cannot express") from None
