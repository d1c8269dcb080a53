"""How far the stream has been read: a row moved in the transaction that stores the entries.

A move is fenced by the leadership's epoch and by the place it starts from: a consumer that was
frozen, or that works on a database restored behind it, moves nothing and so stores nothing.
"""

from dataclasses import dataclass
from typing import Any

from deliveries.database import Statement

READ = Statement(
    name="intake.read_cursor",
    purpose="where the stream's reader is",
    sql="""
SELECT last_entry_id, entries_finished, gap_entries FROM stream_cursors
WHERE stream = %(stream)b::text
""",
)

ADOPT = Statement(
    name="intake.adopt_cursor",
    purpose="a new leader takes the cursor over, or makes it, so that the old one's moves fail",
    sql="""
INSERT INTO stream_cursors AS c (stream, last_entry_id, epoch)
VALUES (%(stream)b::text, %(start)b::text, %(epoch)b::bigint)
ON CONFLICT (stream) DO UPDATE SET epoch = excluded.epoch WHERE c.epoch <= excluded.epoch
RETURNING last_entry_id
""",
)

MOVE = Statement(
    name="intake.move_cursor",
    purpose="move the cursor from where this reader left it, under its own epoch",
    sql="""
UPDATE stream_cursors
SET last_entry_id = %(target)b::text, entries_finished = entries_finished + %(finished)b::bigint,
    gap_entries = gap_entries + %(gap)b::bigint, updated_at = now()
WHERE stream = %(stream)b::text AND last_entry_id = %(origin)b::text AND epoch = %(epoch)b::bigint
RETURNING 1
""",
)

START = "0-0"


class CursorLostError(Exception):
    """Another consumer has the stream: what this one was about to store is rolled back."""


@dataclass(slots=True)
class Cursor:
    """The reader's place, under one epoch of its leadership."""

    stream: str
    epoch: int
    place: str

    def move(self, target: str, *, finished: int, gap: int = 0) -> None:
        """Move inside the caller's transaction. Raises CursorLostError; `place` changes at once."""
        moved = MOVE.fetch(
            stream=self.stream,
            origin=self.place,
            target=target,
            epoch=self.epoch,
            finished=finished,
            gap=gap,
        )
        if not moved:
            raise CursorLostError


def adopt(*, stream: str, epoch: int, start: str) -> Cursor:
    """Take the cursor over; one that does not exist yet is made at `start`."""
    rows = ADOPT.fetch(stream=stream, epoch=epoch, start=start)
    if not rows:
        raise CursorLostError
    return Cursor(stream=stream, epoch=epoch, place=rows[0].last_entry_id)


def known_place(stream: str) -> Any:
    """The cursor's row as in `READ`, None when there is none."""
    rows = READ.fetch(stream=stream)
    return rows[0] if rows else None


def order_of(entry_id: str) -> tuple[int, int]:
    """An entry id, `ms-seq`, as something that can be compared."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
