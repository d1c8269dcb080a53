"""Log lines: plain values, written so that none can break the line or control a terminal."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import TypeAlias
from uuid import UUID

from deliveries.conf.readers import spell

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

_MILLISECOND = timedelta(milliseconds=1)
_TEXT_LIMIT = 8192
_ITEM_LIMIT = 100
_DEPTH_LIMIT = 4

# C0, DEL, C1, line and paragraph separators, direction overrides
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_BARE = re.compile(r"[^\s\"'=\\]+")
_HEAD = ("timestamp", "level", "process", "logger", "message")


def plain(value: object, *, depth: int = 0) -> Json:
    """A value that JSON has. Of any other object only the class: the rest may be secret.

    Long texts, lists and deep nests are cut.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value, depth=depth)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _text(value)
    if depth == _DEPTH_LIMIT and isinstance(value, Mapping | list | tuple | set | frozenset):
        return "…"
    if isinstance(value, Mapping):
        return {
            _text(str(plain(name, depth=depth + 1))): plain(item, depth=depth + 1)
            for name, item in islice(value.items(), _ITEM_LIMIT)
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth=depth + 1) for item in islice(value, _ITEM_LIMIT)]
    return _written(value)


def json_line(entries: Mapping[str, object]) -> str:
    """One JSON object in ASCII. `timestamp` is in Unix seconds."""
    line = json.dumps({name: _entry(name, value) for name, value in entries.items()})
    return line.replace("\x7f", "\\u007f")  # the one control character that JSON leaves as it is


def console_line(entries: Mapping[str, object]) -> str:
    """The same for people: the time, the level, the message, then the fields as `name=value`."""
    made = {name: _entry(name, value) for name, value in entries.items()}
    words = [f"{made.pop(name, '-')}" for name in _HEAD]
    words += [f"{name}={_word(value)}" for name, value in made.items()]
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", " ".join(words))


def _entry(name: str, value: object) -> Json:
    if name == "timestamp" and isinstance(value, float):
        return _utc(datetime.fromtimestamp(value, tz=UTC))
    return plain(value)


def _word(value: Json) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _text(value: str) -> str:
    cut = value if len(value) <= _TEXT_LIMIT else value[:_TEXT_LIMIT] + "…"
    # an unpaired surrogate is not a character: many readers of JSON refuse the line
    return _SURROGATES.sub("\ufffd", cut)


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return _utc(value) if value.tzinfo else value.isoformat()
    if isinstance(value, timedelta):
        return spell(timedelta(milliseconds=round(value / _MILLISECOND)))
    if isinstance(value, date | UUID | PurePath):
        return _text(str(value))
    return f"<{type(value).__name__}>"


def _utc(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
