"""One entry as it lies on the stream. Pure."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """The fields in their order, a name that is given twice included.

    `oversize` is the entry's true size in bytes when it was larger than any that can be accepted:
    then the values are cut, and None otherwise.
    """

    entry_id: str
    fields: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    oversize: int | None = None
