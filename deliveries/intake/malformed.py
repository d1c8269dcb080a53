"""Malformed commands: what could not be accepted, kept with its reason, and logged."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from deliveries.database import Statement
from deliveries.intake.entry import StreamEntry
from deliveries.intake.rejection import Rejection

logger = logging.getLogger(__name__)

RAW_BYTES = 64 * 1024
_SHOWN = 200

STORE = Statement(
    name="intake.store_malformed",
    purpose="keep one entry that could not be accepted",
    sql="""
INSERT INTO malformed_commands (stream, stream_entry_id, delivery_id, source, failure_code,
                                failure_message, raw_fields, recorded_at)
VALUES (%(stream)b::text, %(stream_entry_id)b::text, %(delivery_id)b::text, %(source)b::text,
        %(failure_code)b::text, %(failure_message)b::text, %(raw_fields)b::bytea[], now())
""",
)


@dataclass(frozen=True, slots=True)
class Malformed:
    """An entry and why it was rejected."""

    entry: StreamEntry
    rejection: Rejection

    @property
    def fields(self) -> dict[str, str | None]:
        """What may be told of it: never its payload or its key."""
        return {
            "failure_code": self.rejection.code.value,
            "delivery_id": _shown(self.entry, b"delivery_id"),
            "source": _shown(self.entry, b"source"),
            "stream_entry_id": self.entry.entry_id,
        }


def store(*, stream: str, malformed: Sequence[Malformed]) -> None:
    """Keep them inside the caller's transaction."""
    for found in malformed:
        STORE.fetch(
            stream=stream,
            failure_message=found.rejection.message,
            raw_fields=raw_fields(found.entry),
            **found.fields,
        )


def report(malformed: Sequence[Malformed]) -> None:
    for found in malformed:
        logger.warning("stream command rejected", extra=found.fields)


def raw_fields(entry: StreamEntry) -> list[bytes]:
    """Name, value, name, value, cut at 64 KiB in all."""
    left, parts = RAW_BYTES, []
    for pair in entry.fields:
        for part in pair:
            parts.append(part[:left])
            left -= len(parts[-1])
        if left <= 0:
            break
    return parts


def _shown(entry: StreamEntry, name: bytes) -> str | None:
    """A field as text that can be stored and logged, whatever bytes it holds."""
    value = dict(entry.fields).get(name)
    if value is None:
        return None
    text = value[:_SHOWN].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
