"""What a round would remove now, counted without touching it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from deliveries.conf import Config
from deliveries.retention.stages import STAGES, Stage, tables_of

_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Due:
    """How many rows of a table are past their retention; `kept` is how long they are."""

    table: str
    rows: int
    kept: timedelta


def preview(config: Config) -> list[Due]:
    """Look at everything that a round would look at; raises DatabaseError."""
    return [due for stage in STAGES for due in _due(stage, stage.keep(config))]


def _due(stage: Stage, keep: timedelta) -> Iterator[Due]:
    totals: dict[str, int] = {}
    after, reached = 0, True
    while reached:
        row = stage.count(after, _PAGE, keep)
        for table, rows in tables_of(row).items():
            totals[table] = totals.get(table, 0) + rows
        reached = row.last is not None and row.reached
        after = row.last
    for table, rows in totals.items():
        yield Due(table=table, rows=rows, kept=keep)
