"""The Redis Stream: bounded reads, a bell for what arrives, the published offset, trimming.

A read is bounded in bytes as well as in entries, which XREAD cannot do: a script on the server adds
up what it would return, and cuts the values of an entry that is too large to be accepted. So the
reader's memory does not depend on what producers put on the stream.
"""

import logging
from typing import Any

import redis

from deliveries.intake.entry import StreamEntry
from deliveries.intake.gaps import START, StreamState, read_entry_id

logger = logging.getLogger(__name__)

# Entries after ARGV[1], at most ARGV[2] of them and, except for the first, ARGV[3] bytes in all. Of
# an entry larger than ARGV[4] the first 64 parts and ARGV[5] bytes are kept. Per entry: id, size,
# name, value, and so on.
_READ = """
local found = {}
local total = 0
local after = ARGV[1]
while #found < tonumber(ARGV[2]) do
  local entries = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT',
                             math.min(16, tonumber(ARGV[2]) - #found))
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    local flat = {entry[1], 0}
    local size = 0
    for _, part in ipairs(entry[2]) do size = size + #part end
    local cut = size > tonumber(ARGV[4])
    local kept = 0
    for _, part in ipairs(entry[2]) do
      if cut then part = string.sub(part, 1, math.max(0, tonumber(ARGV[5]) - kept)) end
      kept = kept + #part
      if not cut or #flat < 64 then flat[#flat + 1] = part end
    end
    flat[2] = cut and tostring(size) or ''
    if #found > 0 and total + kept > tonumber(ARGV[3]) then return found end
    total = total + kept
    found[#found + 1] = flat
    after = entry[1]
  end
end
return found
"""

# Sets the published offset forward only: a reader that was paused between its commit and this must
# not put it back. Ids are compared as text, because a double cannot hold them. What is no id gives
# way.
_PUBLISH = """
local largest = '18446744073709551615'
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  if not ms or #ms > 20 or #seq > 20 then return '', '' end
  ms, seq = string.format('%020s', ms), string.format('%020s', seq)
  if ms > largest or seq > largest then return '', '' end
  return ms, seq
end
local held = redis.call('GET', KEYS[1])
if held then
  local hm, hs = parts(held)
  local nm, ns = parts(ARGV[1])
  if hm > nm or (hm == nm and hs >= ns) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""

# What XINFO says, without the whole first entry and the whole last one that it would send along.
_STATE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local found = {}
for at = 1, #info, 2 do found[info[at]] = info[at + 1] end
local first = found['first-entry']
return {found['length'], found['last-generated-id'], first and first[1] or false,
        found['entries-added'] or false}
"""

# Counts some entries after ARGV[1] and up to ARGV[2]: how many, the last of them, and whether more
# may follow. In small steps, because an entry comes with all its content.
_COUNT = """
local total, bytes, after = 0, 0, ARGV[1]
while total < 512 and bytes < 8388608 do
  local entries = redis.call('XRANGE', KEYS[1], '(' .. after, ARGV[2], 'COUNT', 16)
  for _, entry in ipairs(entries) do
    for _, part in ipairs(entry[2]) do bytes = bytes + #part end
    after = entry[1]
  end
  total = total + #entries
  if #entries < 16 then return {total, after, 0} end
end
return {total, after, 1}
"""

_CUT_BYTES = 64 * 1024
_FIELDS_ALLOWANCE = 64 * 1024  # for everything of an entry except its payload
_TRIM_ENTRIES = 10_000  # in one go, during which Redis serves nobody else


class CommandStream:
    """The reader's side of one stream."""

    def __init__(
        self, client: redis.Redis, *, name: str, offset_key: str, max_payload_bytes: int
    ) -> None:
        self.name = name
        self._client = client
        self._offset_key = offset_key
        self._max_entry = max_payload_bytes + _FIELDS_ALLOWANCE
        self._read = client.register_script(_READ)
        self._publish = client.register_script(_PUBLISH)
        self._state = client.register_script(_STATE)
        self._count = client.register_script(_COUNT)

    def read(self, *, after: str, count: int) -> list[StreamEntry]:
        """The next entries, oldest first, within the byte budget of one largest entry."""
        arguments: list[str | int] = [after, count, self._max_entry, self._max_entry, _CUT_BYTES]
        return [_entry(flat) for flat in self._read(keys=[self.name], args=arguments)]

    def wait(self, *, after: str, seconds: float) -> None:
        """Block until an entry after `after` arrives, or for `seconds`.

        The reply's arrival is the bell: it is not read, whatever its size, and the connection that
        it came on is given up.
        """
        pool = self._client.connection_pool
        bell: Any = pool.get_connection()  # redis-py leaves its connections untyped
        try:
            bell.send_command(
                "XREAD", "BLOCK", int(seconds * 1000), "COUNT", 1, "STREAMS", self.name, after
            )
            bell.can_read(timeout=seconds + 1.0)
        finally:
            bell.disconnect()
            pool.release(bell)

    def state(self) -> StreamState | None:
        """None when the stream does not exist."""
        found: Any = self._state(keys=[self.name])
        if found is None:
            return None
        length, last, first, added = found
        return StreamState(
            length=int(length),
            first_entry_id=first.decode() if first else None,
            last_generated_id=last.decode(),
            entries_added=None if added is None else int(added),
        )

    def published_offset(self) -> str | None:
        """The offset key's entry id; None when it is missing or holds no entry id."""
        raw: Any = self._client.get(self._offset_key)
        if raw is None:
            return None
        found = read_entry_id(raw.decode("ascii", "replace"))
        if found is None:
            logger.warning("the offset key holds no entry id", extra={"key": self._offset_key})
        return found

    def publish_offset(self, entry_id: str) -> None:
        """Publish the last finished entry; an offset that is further already stays."""
        self._publish(keys=[self._offset_key], args=[entry_id])

    def reset_offset(self, entry_id: str = START) -> None:
        """Put the offset back: to the start, for a stream that was recreated, or by hand."""
        self._client.set(self._offset_key, entry_id)

    def count(self, *, after: str, until: str, most: int) -> int:
        """How many entries lie after `after` and up to `until`; it stops at `most`."""
        found, place, more = 0, after, 1
        while more and found < most:
            counted, last, more = self._count(keys=[self.name], args=[place, until])
            found, place = found + int(counted), last.decode()
        return min(found, most)

    def trim(self, *, before: str) -> bool:
        """Remove entries older than `before`, so many at a time; return whether more may wait.

        Whole nodes of the stream go first, which is cheap and can be bounded. The one that is left
        then holds newer entries too, and on a quiet stream would keep the old ones for ever.
        """
        removed = self._client.xtrim(self.name, minid=before, approximate=True, limit=_TRIM_ENTRIES)
        if int(removed) >= _TRIM_ENTRIES // 2:
            return True
        self._client.xtrim(self.name, minid=before, approximate=False)
        return False


def _entry(flat: list[Any]) -> StreamEntry:
    entry_id, size, *parts = flat
    return StreamEntry(
        entry_id=entry_id.decode(),
        fields=tuple(zip(parts[::2], parts[1::2], strict=True)),
        oversize=int(size) if size else None,
    )
