"""Where the reader of the stream is, and putting it somewhere else by hand."""

from dataclasses import dataclass
from typing import Any

import redis

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.intake.connecting import answering, open_stream
from deliveries.intake.cursor import known_place, place_by_hand
from deliveries.intake.gaps import START, StreamState, leadership_of, order_of, read_entry_id

MOST_COUNTED = 100_000

READER = Statement(
    name="intake.reader",
    purpose="the process that reads the stream now",
    sql="""
SELECT w.host, w.pid, w.started_at
FROM leaderships AS l JOIN workers AS w ON w.id = l.worker_id
WHERE l.name = %(leadership)b::text AND l.lease_until > now()
""",
)


class AheadError(Exception):
    """Nothing was ever added to the stream under this id or a later one."""


@dataclass(frozen=True, slots=True)
class Position:
    """`cursor` is PostgreSQL's and decides; `published` is its copy in Redis.

    `lag` counts the entries that wait to be read, up to `MOST_COUNTED`; `gaps` those that were lost
    before they were read. `reader` is `host`, `pid` and `started_at`.
    """

    stream: str
    cursor: str | None
    published: str | None
    state: StreamState | None
    lag: int
    finished: int
    gaps: int
    reader: dict[str, Any] | None

    @property
    def place(self) -> str:
        """Where reading goes on, for a stream that was never read too."""
        return self.cursor or self.published or START


def read_position(config: Config) -> Position:
    """Raises StreamAwayError and DatabaseError."""
    name = config.redis_command_stream
    known = known_place(name)
    # one that holds no entry id, by whatever hand, is put right from here
    cursor = read_entry_id(known.last_entry_id) if known else None
    readers = READER.fetch(leadership=leadership_of(name))
    with answering(config):
        stream = open_stream(config)
        published = stream.published_offset()
        place = cursor or published or START
        return Position(
            stream=name,
            cursor=cursor,
            published=published,
            state=stream.state(),
            lag=stream.count(after=place, until="+", most=MOST_COUNTED),
            finished=known.entries_finished if known else 0,
            gaps=known.gap_entries if known else 0,
            reader=readers[0]._asdict() if readers else None,
        )


def entries_between(position: Position, target: str, *, config: Config) -> int:
    """How many entries a move to `target` would read again or pass over, up to `MOST_COUNTED`."""
    lower, upper = sorted((position.place, target), key=order_of)
    with answering(config):
        return open_stream(config).count(after=lower, until=upper, most=MOST_COUNTED)


def resolve(text: str, position: Position) -> str:
    """An entry id for `start`, `end` or an id. Raises AheadError."""
    last = position.state.last_generated_id if position.state else START
    target = {"start": START, "end": last}.get(text, text)
    # a reader ahead of its stream takes it for another one, and reads all of it again
    if order_of(target) > order_of(last):
        raise AheadError
    return target


def set_position(position: Position, target: str, *, config: Config) -> bool:
    """Have the stream read on after `target`; whether the copy in Redis could be set too."""
    place_by_hand(
        stream=position.stream, target=target, accounted=_accounted(position.state, target)
    )
    try:
        open_stream(config).reset_offset(target)
    except (redis.RedisError, OSError):
        return False
    return True


def _accounted(state: StreamState | None, target: str) -> int | None:
    """How many of the entries ever added are behind `target`, where that is plain."""
    if state is None or state.entries_added is None:
        return None
    if order_of(target) >= order_of(state.last_generated_id):
        return state.entries_added
    if state.first_entry_id and order_of(target) < order_of(state.first_entry_id):
        return state.entries_gone
    return None
