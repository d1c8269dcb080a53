"""Rows for a person to read.

What producers and relays wrote can neither control a terminal nor break a line.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from deliveries.printing import printable

_WIDEST = 60


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A line of headings, one line per row; a column is as wide as its content, up to a bound."""
    lines = [list(columns), *([cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def cell(value: Any) -> str:
    """One value in one line: `-` for None, times in UTC to the second, long texts cut."""
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = printable(str(value))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."
