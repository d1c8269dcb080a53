"""The stream, its cursor in PostgreSQL, and the offset that Redis holds."""

import time

from django_redis import get_redis_connection

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.diagnosis.facts import StreamFacts
from deliveries.diagnosis.gathering.bounds import asking_redis, looking
from deliveries.intake.connecting import open_stream
from deliveries.intake.gaps import START, StreamState, examine, order_of
from deliveries.intake.lag import lag_of

CURSOR = Statement(
    name="diagnosis.cursor",
    purpose="how far the stream was read",
    sql="""
SELECT last_entry_id, gap_entries, entries_accounted
FROM stream_cursors WHERE stream = %(stream)b::text
""",
)

# The id of the first entry after ARGV[1]: the entry itself may be large, and stays there.
_NEXT = """
local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1)
return found[1] and found[1][1]
"""


def gather_stream(config: Config) -> StreamFacts:
    name = config.redis_command_stream
    with looking():
        rows = CURSOR.fetch(stream=name)
    row = rows[0] if rows else None
    with asking_redis():
        client = get_redis_connection("default")
        stream = open_stream(config)
        state, published = stream.state(), stream.published_offset()
        has_key = bool(client.exists(config.redis_offset_key))
        place = row.last_entry_id if row else published or START
        raw = client.eval(_NEXT, 1, name, place)
    following = raw.decode() if isinstance(raw, bytes) else None
    accounted = row.entries_accounted if row else None
    lag = lag_of(place=place, accounted=accounted, state=state)
    is_ahead, missing = _lost(state, place, accounted)
    return StreamFacts(
        name=name,
        exists=state is not None,
        last_generated_id=state.last_generated_id if state else "",
        cursor=row.last_entry_id if row else None,
        published=published,
        has_offset_key=has_key,
        is_ahead=is_ahead,
        lag=int(following is not None) if lag is None else lag,
        next_age=_age_of(following),
        missing=missing,
        gap_entries=row.gap_entries if row else 0,
    )


def _lost(state: StreamState | None, place: str, accounted: int | None) -> tuple[bool, int]:
    """As the consumer would find it: whether this is another stream, else what is missing of it."""
    found = examine(place=place, accounted=accounted, state=state) if state else None
    if found is None or not found.gap:
        return False, 0
    is_another = found.target == START
    return is_another, 0 if is_another else found.gap


def _age_of(entry_id: str | None) -> float | None:
    """Seconds since the entry was put there, by the clock that made its id."""
    return None if entry_id is None else max(0.0, time.time() - order_of(entry_id)[0] / 1000)
