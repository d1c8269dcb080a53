"""How values are shown, to people and to programs."""

from datetime import UTC, datetime


def printable(text: str) -> str:
    """Relays and producers wrote it: nothing of it may control the terminal or breaks the line."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def rfc3339(moment: datetime) -> str:
    """In UTC with microseconds: `2026-03-02T08:00:00.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 mail`, `1,200 mails`; the plural where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
