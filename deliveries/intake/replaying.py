"""A malformed command looked at once more, and its corrected form put on the stream.

The corrected one keeps the original's key: a producer that repeats its command in the meantime and
an operator who corrects it do not send it twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.intake.connecting import answering, open_stream
from deliveries.intake.gaps import before
from deliveries.intake.malformed import RAW_BYTES
from deliveries.intake.publishing import (
    PublishingError,
    check,
    encoded,
    put,
)
from deliveries.intake.rejection import RejectionCode
from deliveries.producer import Published

READ = Statement(
    name="intake.read_malformed",
    purpose="one malformed command with its raw fields, the last of its entry id",
    sql="""
SELECT stream, stream_entry_id, delivery_id, source, failure_code, failure_message, raw_fields,
       recorded_at
FROM malformed_commands WHERE stream_entry_id = %(entry_id)b::text ORDER BY id DESC LIMIT 1
""",
)

# The reader keeps fewer than this many parts of an entry that is too large to be accepted.
_MOST_PARTS = 62
_KEY = b"idempotency_key"

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is on record of a malformed command.

    `fields` are name and value in their order, None once erased. `is_cut` says that the entry held
    more than is kept.
    """

    stream: str
    entry_id: str
    delivery_id: str | None
    source: str | None
    failure_code: str
    failure_message: str
    recorded_at: datetime
    fields: Fields | None = field(repr=False)
    is_cut: bool


def find_malformed(entry_id: str) -> Kept | None:
    rows = READ.fetch(entry_id=entry_id)
    return _kept(rows[0]) if rows else None


def original_fields(kept: Kept, *, config: Config) -> Fields:
    """All that the entry said; what is not on record any more is read from the stream.

    Raises PublishingError when the stream does not have it either; StreamAwayError.
    """
    if kept.fields is not None and not kept.is_cut:
        return kept.fields
    why = "was cut at 64 KiB" if kept.is_cut else "is erased"
    found = _on_stream(kept, config)
    if found is None:
        raise PublishingError(
            f"what {kept.entry_id} said {why}, and the stream no longer has it:"
            " publish_command puts a whole command on the stream"
        )
    return found


def replay(kept: Kept, changes: Mapping[str, Any], *, config: Config) -> Published:
    """Put the command on the stream with `changes` made to its fields; None takes a field out.

    Raises PublishingError when it would be rejected again or would lose its key.
    """
    original = dict(original_fields(kept, config=config))
    fields = {name.decode("utf-8", "replace"): value for name, value in original.items()}
    for name, value in changes.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields |= encoded({name: value})
    check(fields, max_payload_bytes=config.max_payload_bytes)
    key = original.get(_KEY)
    keeps_key = key is None or kept.failure_code == RejectionCode.INVALID_IDEMPOTENCY_KEY
    if not keeps_key and fields[_KEY.decode()] != key:
        raise PublishingError("idempotency_key: a replay keeps the key of the original")
    return put(fields, config=config)


def _kept(row: Any) -> Kept:
    raw = None if row.raw_fields is None else [bytes(part) for part in row.raw_fields]
    if raw is not None and len(raw) % 2:
        raw.append(b"")  # cut between a name and its value
    return Kept(
        stream=row.stream,
        entry_id=row.stream_entry_id,
        delivery_id=row.delivery_id,
        source=row.source,
        failure_code=row.failure_code,
        failure_message=row.failure_message,
        recorded_at=row.recorded_at,
        fields=None if raw is None else tuple(zip(raw[::2], raw[1::2], strict=True)),
        is_cut=raw is not None and (sum(map(len, raw)) >= RAW_BYTES or len(raw) >= _MOST_PARTS),
    )


def _on_stream(kept: Kept, config: Config) -> Fields | None:
    with answering(config):
        entries = open_stream(config, name=kept.stream).read(after=before(kept.entry_id), count=1)
    if not entries or entries[0].entry_id != kept.entry_id:
        return None
    if entries[0].oversize is not None:
        raise PublishingError(f"{kept.entry_id} is larger than any command that can be accepted")
    return entries[0].fields
