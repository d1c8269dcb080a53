"""Sending again what an operator names, or what ended in some way in a period.

Whatever interrupts a run, the same command goes on: a delivery that was sent again is skipped.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any

from deliveries.conf import Config
from deliveries.listing.filters import Filters
from deliveries.listing.pages import LONGEST_PAGE, Page, list_dead_letters, list_deliveries
from deliveries.resending import Asked, resend_deliveries
from deliveries.states import DeliveryStatus, Source
from deliveries.transitions.resend import JUDGE, ResendOutcome, sent_again

_LARGEST_CHUNK = 100

# beside the outcomes of a request, for what was never requested
SENT_BEFORE = "sent_again_before"
MEANING = {
    ResendOutcome.ACCEPTED: "sent again",
    SENT_BEFORE: "was sent again before (--again does it once more)",
    ResendOutcome.DUPLICATE: "was sent again before (--again does it once more)",
    ResendOutcome.CONFLICT: "was sent again before, in another way (--again does it once more)",
    ResendOutcome.NOT_FOUND: "there is no such delivery",
    ResendOutcome.LOGIN_CODE: "is a login code, which is not resendable",
    ResendOutcome.NOT_TERMINAL: "has not ended",
    ResendOutcome.PAYLOAD_PRUNED: "its content is no longer kept",
    ResendOutcome.EXPIRED: "is past its expiry (--expires-at sets another)",
    ResendOutcome.NOTHING_TO_RESEND: "everybody has it (--recipients all sends it to all)",
}
# what a run has not failed to do
FINE = frozenset({ResendOutcome.ACCEPTED, ResendOutcome.DUPLICATE, SENT_BEFORE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Deliveries that ended as `status` from `since` on and before `until`."""

    status: DeliveryStatus
    since: datetime
    until: datetime | None = None
    source: Source | None = None
    failure_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """`again` also what was sent again before; at most `rate` per second, None for no bound."""

    again: bool = False
    everyone: bool = False
    expires_at: datetime | None = None
    rate: int | None = None


@dataclass(slots=True)
class Tally:
    """What became of each, in their order; the new delivery's id where there is one."""

    outcomes: dict[str, str] = field(default_factory=dict)
    new_ids: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def counts(self) -> dict[str, int]:
        """The outcomes that occurred, in the order of `MEANING`."""
        found = list(self.outcomes.values())
        return {outcome: found.count(outcome) for outcome in MEANING if outcome in found}


def choose(period: Period) -> list[str]:
    """The ids of a period's deliveries, the first that ended first. Raises ReadTooLongError."""
    is_dead = period.status is DeliveryStatus.DEAD_LETTER
    found = _dead_letters(period) if is_dead else _ended(period)
    # listed from the last accepted on, which decides between those that ended together
    oldest_first = list(found)[::-1]
    return [name for _, name in sorted(oldest_first, key=itemgetter(0))]


def _dead_letters(period: Period) -> Iterator[tuple[datetime, str]]:
    for item in _items(lambda cursor: list_dead_letters(limit=LONGEST_PAGE, cursor=cursor)):
        if item["recorded_at"] < period.since:
            return
        if (
            (period.until is None or item["recorded_at"] < period.until)
            and period.source in (None, item["source"])
            and period.failure_code in (None, item["failure_code"])
        ):
            yield item["recorded_at"], item["delivery_id"]


def _ended(period: Period) -> Iterator[tuple[datetime, str]]:
    filters = Filters(
        status=period.status,
        source=period.source,
        failure_code=period.failure_code,
        finished_after=period.since,
    )

    def read(cursor: str | None) -> Page:
        return list_deliveries(filters=filters, limit=LONGEST_PAGE, cursor=cursor)

    for item in _items(read):
        if period.until is None or item["finished_at"] < period.until:
            yield item["finished_at"], item["delivery_id"]


def _items(read: Callable[[str | None], Page]) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = read(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def judge(delivery_ids: Sequence[str], how: How) -> Tally:
    """What would become of each; nothing is written."""
    tally = Tally()
    for chunk in _chunks(delivery_ids, _LARGEST_CHUNK):
        before = frozenset() if how.again else sent_again(delivery_ids=chunk)
        rows = JUDGE.fetch(
            parent_id=chunk,
            idempotency_key=[_key(name, again=how.again) for name in chunk],
            expires_at=[how.expires_at] * len(chunk),
            everyone=[how.everyone] * len(chunk),
        )
        for name, row in zip(chunk, rows, strict=True):
            known = SENT_BEFORE if name in before or row.fingerprint is not None else None
            tally.outcomes[name] = known or row.obstacle or ResendOutcome.ACCEPTED
    return tally


def send_again(
    delivery_ids: Sequence[str],
    how: How,
    *,
    config: Config,
    tell: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Tally:
    """Do it, one chunk per transaction, `tell`ing how many are done. Ctrl-C ends it between two."""
    tally, started = Tally(), clock()
    try:
        for chunk in _chunks(delivery_ids, min(how.rate or _LARGEST_CHUNK, _LARGEST_CHUNK)):
            if how.rate is not None:
                sleep(max(0.0, started + len(tally.outcomes) / how.rate - clock()))
            _send_chunk(chunk, how, config, tally)
            tell(len(tally.outcomes))
    except KeyboardInterrupt:
        tally.interrupted = True
    return tally


def _send_chunk(chunk: list[str], how: How, config: Config, tally: Tally) -> None:
    before = frozenset() if how.again else sent_again(delivery_ids=chunk)
    wanted = [name for name in chunk if name not in before]
    answers = resend_deliveries(
        config=config,
        asked=[
            Asked(
                delivery_id=name,
                key=_key(name, again=how.again),
                everyone=how.everyone,
                expires_at=how.expires_at,
            )
            for name in wanted
        ],
    )
    resent = dict(zip(wanted, answers, strict=True))
    for name in chunk:
        tally.outcomes[name] = SENT_BEFORE if name in before else resent[name].outcome
    tally.new_ids |= {
        name: answer.delivery_id for name, answer in resent.items() if answer.delivery_id
    }


def _key(delivery_id: str, *, again: bool) -> str:
    """The key that makes a repetition harmless; asked for once more, it is not one."""
    return f"resend:{delivery_id}:{uuid.uuid4().hex[:12]}" if again else f"resend:{delivery_id}"


def _chunks(names: Sequence[str], size: int) -> Iterator[list[str]]:
    left = iter(names)
    while chunk := list(islice(left, size)):
        yield chunk
