"""How far the stream has been read: a row moved in the transaction that stores the entries.

A move is fenced by the leadership's epoch and by the place it starts from: a consumer that was
frozen, or that works on a database restored behind it, moves nothing and so stores nothing.
"""

from dataclasses import dataclass, replace
from typing import Any

from deliveries.database import Statement
from deliveries.intake.gaps import Finding, leadership_of

READ = Statement(
    name="intake.read_cursor",
    purpose="where the stream's reader is",
    sql="""
SELECT last_entry_id, entries_finished, gap_entries, entries_accounted FROM stream_cursors
WHERE stream = %(stream)b::text
""",
)

ADOPT = Statement(
    name="intake.adopt_cursor",
    purpose="a new leader takes the cursor over, or makes it, so that the old one's moves fail",
    sql="""
INSERT INTO stream_cursors AS c (stream, last_entry_id, epoch, entries_accounted)
VALUES (%(stream)b::text, %(start)b::text, %(epoch)b::bigint, %(accounted)b::bigint)
ON CONFLICT (stream) DO UPDATE SET epoch = excluded.epoch WHERE c.epoch <= excluded.epoch
RETURNING last_entry_id, entries_accounted
""",
)

MOVE = Statement(
    name="intake.move_cursor",
    purpose="move the cursor from where this reader left it, under its own epoch",
    sql="""
UPDATE stream_cursors
SET last_entry_id = %(target)b::text, entries_finished = entries_finished + %(finished)b::bigint,
    gap_entries = gap_entries + %(gap)b::bigint, entries_accounted = %(accounted)b::bigint,
    updated_at = now()
WHERE stream = %(stream)b::text AND last_entry_id = %(origin)b::text AND epoch = %(epoch)b::bigint
RETURNING 1
""",
)

# The running reader's next move fails, and with an epoch that grew it takes the cursor over again,
# at its new place, without waiting for an entry.
PLACE = Statement(
    name="intake.place_cursor",
    purpose="put the cursor where an operator wants it",
    sql="""
WITH summoned AS (
  UPDATE leaderships SET epoch = epoch + 1 WHERE name = %(leadership)b::text
)
INSERT INTO stream_cursors AS c (stream, last_entry_id, epoch, entries_accounted)
VALUES (%(stream)b::text, %(target)b::text, 0, %(accounted)b::bigint)
ON CONFLICT (stream) DO UPDATE
  SET last_entry_id = excluded.last_entry_id, entries_accounted = excluded.entries_accounted,
      updated_at = now()
RETURNING 1
""",
)


class CursorLostError(Exception):
    """Another consumer has the stream: what this one was about to store is rolled back."""


@dataclass(slots=True)
class Cursor:
    """The reader's place, under one epoch of its leadership.

    `accounted` is how many of the entries ever added to the stream are behind it, None while that
    is not known.
    """

    stream: str
    epoch: int
    place: str
    accounted: int | None

    def finish(self, target: str, *, entries: int) -> "Cursor":
        """The cursor after `entries` that were read, the last of them `target`."""
        known = self.accounted
        return self._move(target, entries, 0, None if known is None else known + entries)

    def note(self, finding: Finding) -> "Cursor":
        """The cursor after what was found out about the stream."""
        return self._move(finding.target, 0, finding.gap, finding.accounted)

    def _move(self, target: str, finished: int, gap: int, accounted: int | None) -> "Cursor":
        """Move inside the caller's transaction. Raises CursorLostError."""
        moved = MOVE.fetch(
            stream=self.stream,
            origin=self.place,
            target=target,
            epoch=self.epoch,
            finished=finished,
            gap=gap,
            accounted=accounted,
        )
        if not moved:
            raise CursorLostError
        return replace(self, place=target, accounted=accounted)


def adopt(*, stream: str, epoch: int, start: str, accounted: int | None = None) -> Cursor:
    """Take the cursor over; one that does not exist yet is made at `start`."""
    rows = ADOPT.fetch(stream=stream, epoch=epoch, start=start, accounted=accounted)
    if not rows:
        raise CursorLostError
    row = rows[0]
    return Cursor(
        stream=stream, epoch=epoch, place=row.last_entry_id, accounted=row.entries_accounted
    )


def place_by_hand(*, stream: str, target: str, accounted: int | None = None) -> None:
    """Have the stream read on after `target`, whoever reads it now.

    Without `accounted`, what is behind is not counted until the stream is read to its end once.
    """
    PLACE.fetch(stream=stream, target=target, accounted=accounted, leadership=leadership_of(stream))


def known_place(stream: str) -> Any:
    """The cursor's row as in `READ`, None when there is none."""
    rows = READ.fetch(stream=stream)
    return rows[0] if rows else None
