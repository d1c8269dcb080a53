"""What the stream lost before it was read, and how much of it. Pure.

Redis counts every entry that was ever added to a stream. The cursor counts those that are behind
it, read or known to be lost: `accounted`. Where all entries ahead of the cursor can be counted too,
what is missing from the sum was lost.
"""

import re
from dataclasses import dataclass

START = "0-0"

_ENTRY_ID = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")
_LARGEST = 2**64 - 1  # of either number


@dataclass(frozen=True, slots=True)
class StreamState:
    """What the stream holds, at one moment: its length and the ids at its ends.

    `entries_added` is None where Redis does not count them (before 7.0).
    """

    length: int
    first_entry_id: str | None
    last_generated_id: str
    entries_added: int | None

    @property
    def entries_gone(self) -> int | None:
        """How many were added and are no longer there."""
        return None if self.entries_added is None else self.entries_added - self.length


@dataclass(frozen=True, slots=True)
class Finding:
    """Where to go on, after `target`, what was lost, and the new count of what is behind.

    `gap` 0 says that nothing was lost: the count alone is new.
    """

    target: str
    gap: int
    accounted: int | None


def examine(*, place: str, accounted: int | None, state: StreamState) -> Finding | None:
    """Compare a cursor at `place` with the stream; None when there is nothing to write down.

    A stream that is not the one that was read, restored from before or recreated, is read from its
    first entry. How much of it was lost nobody can know: that counts as 1.
    """
    here, last = order_of(place), order_of(state.last_generated_id)
    added = state.entries_added
    if last < here or (accounted is not None and added is not None and added < accounted):
        return Finding(START, 1, state.entries_gone)
    unread = _unread(here, state)
    if unread is None:
        return None
    if added is None or accounted is None:
        return _uncounted(place, state, drained=last == here, unread=unread)
    lost = added - accounted - unread
    if lost < 0:
        # more is ahead than could be: another stream, whose ids all come later
        return Finding(place, 1, state.entries_gone)
    return Finding(place, lost, accounted + lost) if lost else None


def _unread(here: tuple[int, int], state: StreamState) -> int | None:
    """How many entries lie after `here`; None when that would have to be counted one by one."""
    if order_of(state.last_generated_id) == here or state.first_entry_id is None:
        return 0
    return state.length if order_of(state.first_entry_id) > here else None


def _uncounted(place: str, state: StreamState, *, drained: bool, unread: int) -> Finding | None:
    """Without a count: whether anything was lost, and from when on it can be counted."""
    added = state.entries_added
    if drained:
        return None if added is None else Finding(place, 0, added)
    if place == START:
        # nothing was ever read, so nothing that is gone was this reader's
        return None if added is None else Finding(place, 0, added - unread)
    if added is not None:
        return Finding(place, 1, added - unread)
    # a place just before what is left, or it would be found again
    return Finding(before(state.first_entry_id or state.last_generated_id), 1, None)


def leadership_of(stream: str) -> str:
    """The name of the leadership whose holder reads the stream."""
    return f"consumer:{stream}"


def before(entry_id: str) -> str:
    """The id just before another one."""
    milliseconds, sequence = order_of(entry_id)
    if sequence:
        return f"{milliseconds}-{sequence - 1}"
    return f"{max(0, milliseconds - 1)}-{_LARGEST if milliseconds else 0}"


def order_of(entry_id: str) -> tuple[int, int]:
    """An entry id, `ms-seq`, as something that can be compared. Raises ValueError.

    What Redis itself would not take for an id is none: a cursor must never be put there.
    """
    found = _ENTRY_ID.fullmatch(entry_id)
    if found is None:
        raise ValueError("no entry id")
    milliseconds, sequence = map(int, found.groups())
    if max(milliseconds, sequence) > _LARGEST:
        raise ValueError("an entry id of more than 64 bits")
    return milliseconds, sequence


def read_entry_id(text: str) -> str | None:
    """An entry id that somebody wrote, in the form that Redis gives it; None when it is none.

    White space around it is forgiven: what is meant is plain.
    """
    try:
        milliseconds, sequence = order_of(text.strip())
    except ValueError:
        return None
    return f"{milliseconds}-{sequence}"
