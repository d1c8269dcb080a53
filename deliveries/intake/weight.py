"""How many values a JSON text holds, known before it is parsed. Pure.

A parsed value may take a hundred bytes although it is two as text, so the number of values is
bounded too, not only the bytes.
"""

import re
from collections.abc import Sequence

from deliveries.intake.entry import StreamEntry

MOST_VALUES = 100_000

# Unrolled, possessive, and accepts a text that nothing ends: it never looks at a byte twice.
_ONE_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_TEXT = re.compile(_ONE_TEXT, re.DOTALL)
# Only so many texts at a time, because what is left around them is held in as many pieces.
_STRETCH = re.compile(rb'(?:[^"]*+' + _ONE_TEXT + rb'){1,1000}+|[^"]++', re.DOTALL)
_PAYLOAD = b"payload_json"


def has_too_many_values(raw: bytes) -> bool:
    """Whether a JSON text holds more than MOST_VALUES values, objects and lists included."""
    if _most_values(raw) <= MOST_VALUES:
        return False
    values = 0
    for stretch in _STRETCH.finditer(raw):
        values += _most_values(_TEXT.sub(b"", stretch[0])) - 1
        if values >= MOST_VALUES:
            return True
    return False


def first_of(entries: Sequence[StreamEntry]) -> Sequence[StreamEntry]:
    """As many of the first entries as may be parsed together, one at least."""
    values = 0
    for place, entry in enumerate(entries):
        values += sum(_most_values(value) for name, value in entry.fields if name == _PAYLOAD)
        if values > MOST_VALUES and place > 0:
            return entries[:place]
    return entries


def _most_values(raw: bytes) -> int:
    """No fewer than there are: what separates values is counted within texts too."""
    return 1 + raw.count(b",") + raw.count(b"[") + raw.count(b"{")
