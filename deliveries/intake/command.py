"""From the bytes of an entry to a command: everything that can be known without time or place.

Pure. What depends on the clock, the catalog or the database is for `accept`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deliveries.intake.entry import StreamEntry
from deliveries.intake.fingerprint import canonical
from deliveries.intake.members import Members, load_json, parse_members
from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.states import PayloadMode, Source

_REQUIRED = (
    "delivery_id",
    "source",
    "payload_mode",
    "idempotency_key",
    "requested_at_ms",
    "payload_json",
)
_OPTIONAL = ("request_id", "traceparent", "tracestate")
_DELIVERY_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_KEY = re.compile(rb"[!-~]{1,255}")
_DIGITS = re.compile(rb"[0-9]{1,15}")
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_VISIBLE = re.compile(rb"[ -~]{1,512}")
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 7_258_118_400_000  # 2000 to 2200


@dataclass(frozen=True, slots=True)
class Command:
    """One request to send one mail, valid in itself."""

    delivery_id: str
    source: Source
    payload_mode: PayloadMode
    idempotency_key: str = field(repr=False)
    requested_at: datetime
    members: Members = field(repr=False)
    canonical: bytes = field(repr=False)
    request_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


def parse_entry(*, entry: StreamEntry, max_payload_bytes: int) -> Command:
    """Raises Rejection with the code of the first thing that is wrong."""
    fields = _named(entry)
    delivery_id = _matching(fields, "delivery_id", _DELIVERY_ID, RejectionCode.INVALID_DELIVERY_ID)
    if fields["source"] != Source.NOTIFICATION.encode():
        raise Rejection(RejectionCode.INVALID_SOURCE, "source: must be notification")
    mode = _mode(fields["payload_mode"])
    key = _matching(fields, "idempotency_key", _KEY, RejectionCode.INVALID_IDEMPOTENCY_KEY)
    requested_at = _requested_at(fields["requested_at_ms"])
    raw = fields["payload_json"]
    if entry.oversize is not None or len(raw) > max_payload_bytes:
        raise Rejection(
            RejectionCode.PAYLOAD_TOO_LARGE, f"payload_json: larger than {max_payload_bytes} bytes"
        )
    payload = load_json(raw)
    return Command(
        delivery_id=delivery_id,
        source=Source.NOTIFICATION,
        payload_mode=mode,
        idempotency_key=key,
        requested_at=requested_at,
        members=parse_members(mode=mode, members=payload),
        canonical=canonical(payload),
        **read_trace(fields),
    )


def _named(entry: StreamEntry) -> dict[str, bytes]:
    """The fields by name: all that are needed, none that is unknown, none twice."""
    known = {name.encode(): name for name in (*_REQUIRED, *_OPTIONAL)}
    fields: dict[str, bytes] = {}
    for raw_name, value in entry.fields:
        name = known.get(raw_name)
        if name is None:
            raise Rejection(RejectionCode.UNKNOWN_FIELD, "the entry has a field that is not known")
        if name in fields:
            raise Rejection(RejectionCode.UNKNOWN_FIELD, f"{name}: is given twice")
        fields[name] = value
    for name in _REQUIRED:
        if name not in fields:
            raise Rejection(RejectionCode.MISSING_FIELD, f"{name}: is missing")
    return fields


def _matching(
    fields: dict[str, bytes], name: str, pattern: "re.Pattern[bytes]", code: RejectionCode
) -> str:
    if not pattern.fullmatch(fields[name]):
        raise Rejection(code, f"{name}: must match {pattern.pattern.decode()}")
    return fields[name].decode("ascii")


def _mode(raw: bytes) -> PayloadMode:
    for mode in PayloadMode:
        if raw == mode.encode():
            return mode
    raise Rejection(
        RejectionCode.INVALID_PAYLOAD_MODE, "payload_mode: must be rendered or template"
    )


def _requested_at(raw: bytes) -> datetime:
    if not _DIGITS.fullmatch(raw) or not _EARLIEST_MS <= int(raw) < _LATEST_MS:
        raise Rejection(
            RejectionCode.INVALID_REQUESTED_AT, "requested_at_ms: must be Unix milliseconds"
        )
    return datetime.fromtimestamp(int(raw) / 1000, UTC)


def is_delivery_id(text: str) -> bool:
    """Whether a delivery can have this id."""
    return _DELIVERY_ID.fullmatch(text.encode("utf-8", "surrogatepass")) is not None


def read_trace(fields: Mapping[str, bytes]) -> dict[str, str]:
    """What helps to follow a mail: `request_id`, `traceparent`, `tracestate`, as far as they are
    valid. No mail is refused for a wrong one.
    """
    patterns = {"request_id": _VISIBLE, "traceparent": _TRACEPARENT, "tracestate": _VISIBLE}
    found = {
        name: fields[name].decode("ascii")
        for name, pattern in patterns.items()
        if pattern.fullmatch(fields.get(name, b""))
    }
    if "traceparent" not in found:
        found.pop("tracestate", None)  # it says nothing alone (W3C Trace Context section 3.3)
    return found
