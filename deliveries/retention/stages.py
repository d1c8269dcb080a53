"""What is kept for how long, in the order of removal: what refers to a delivery goes first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.retention import counts, removals
from deliveries.transitions.removal import remove

# One row at least is taken, however large; a page of large mails is a short one.
MOST_BYTES = 64 * 1024 * 1024
ERASED = "raw_fields"  # of malformed commands, whose rows stay
WORKERS_KEPT = timedelta(days=1)

# (after, batch, keep) -> a row with `last`, `reached` and a count for each table
Walk = Callable[[int, int, timedelta], Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of rows: how long it is kept, and how a page of it is removed or counted."""

    name: str
    keep: Callable[[Config], timedelta]
    remove: Walk
    count: Walk


def _walk(statement: Statement, **fixed: Any) -> Walk:
    def walk(after: int, batch: int, keep: timedelta) -> Any:
        (row,) = statement.fetch(after=after, batch=batch, keep=keep, **fixed)
        return row

    return walk


STAGES: tuple[Stage, ...] = (
    Stage(
        name="reservations",
        keep=lambda config: config.idempotency_ttl,
        remove=_walk(removals.REMOVE_RESERVATIONS),
        count=_walk(counts.COUNT_RESERVATIONS),
    ),
    Stage(
        name="payloads",
        keep=lambda config: config.payload_retention,
        remove=_walk(removals.REMOVE_PAYLOADS, most_bytes=MOST_BYTES),
        count=_walk(counts.COUNT_PAYLOADS),
    ),
    Stage(
        name="deliveries",
        keep=lambda config: config.delivery_retention,
        remove=lambda after, batch, keep: remove(after=after, batch=batch, keep=keep),
        count=_walk(counts.COUNT_DELIVERIES),
    ),
    Stage(
        name="raw fields",
        keep=lambda config: config.payload_retention,
        remove=_walk(removals.ERASE_RAW_FIELDS),
        count=_walk(counts.COUNT_RAW_FIELDS),
    ),
    Stage(
        name="malformed commands",
        keep=lambda config: config.malformed_command_retention,
        remove=_walk(removals.REMOVE_MALFORMED),
        count=_walk(counts.COUNT_MALFORMED),
    ),
    Stage(
        name="workers",
        keep=lambda _config: WORKERS_KEPT,
        remove=_walk(removals.REMOVE_WORKERS),
        count=_walk(counts.COUNT_WORKERS),
    ),
)


def tables_of(row: Any) -> dict[str, int]:
    """The counts of a walk's row, by table; under `ERASED` those of a column."""
    return {name: n for name, n in row._asdict().items() if name not in ("last", "reached")}
