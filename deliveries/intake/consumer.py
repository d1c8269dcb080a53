"""One step of the consumer: lead, read a bounded batch, accept it, move the cursor, publish."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from deliveries.database import atomic
from deliveries.intake.accept import Accepted, Acceptor, Duplicate, Result
from deliveries.intake.command import Command, parse_entry
from deliveries.intake.cursor import START, Cursor, CursorLostError, adopt, known_place, order_of
from deliveries.intake.entry import StreamEntry
from deliveries.intake.malformed import Malformed, report, store
from deliveries.intake.measuring import measure_commands, measure_malformed
from deliveries.intake.rejection import Rejection
from deliveries.intake.stream import CommandStream, StreamState
from deliveries.telemetry import metrics

logger = logging.getLogger(__name__)

_TRIM_SECONDS = 25.0
_ID_MILLISECONDS = 1000

Lead = Callable[[], int | None]


@dataclass(slots=True)
class _Batch:
    """Entries parsed: the commands, where they stood, and what was malformed at sight."""

    commands: list[Command] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    rejections: dict[int, Rejection] = field(default_factory=dict)


class Consumer:
    """Any number may run: the one that leads works, the others ask again and again.

    `lead` takes or keeps the leadership and returns its epoch, None while another process has it.
    """

    def __init__(
        self,
        *,
        stream: CommandStream,
        acceptor: Acceptor,
        lead: Lead,
        batch_size: int,
        block: timedelta,
        retention: timedelta | None,
        max_payload_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream
        self._acceptor = acceptor
        self._lead = lead
        self._batch_size = batch_size
        self._block = block.total_seconds()
        self._retention = retention
        self._max_payload_bytes = max_payload_bytes
        self._clock = clock
        self._cursor: Cursor | None = None
        self._trimmed_at = 0.0

    def step(self) -> bool:
        """Take one batch; whether it makes sense to ask again at once. Waits for what arrives."""
        epoch = self._lead()
        if epoch is None:
            self._cursor = None
            return False
        cursor = self._cursor
        if cursor is None or cursor.epoch != epoch:
            cursor = self._cursor = self._adopt(epoch)
        try:
            return self._work(cursor)
        except CursorLostError:
            logger.warning("another consumer has the stream")
            self._cursor = None
            return False

    def forget(self) -> None:
        """After a fault nothing is believed: the cursor is read again."""
        self._cursor = None

    def _work(self, cursor: Cursor) -> bool:
        entries = self._stream.read(after=cursor.place, count=self._batch_size)
        if entries:
            self._finish(cursor, entries)
        self._trim(cursor)
        if not entries:
            self._check_ahead(cursor)
            self._stream.wait(after=cursor.place, seconds=self._block)
        return True

    def _finish(self, cursor: Cursor, entries: list[StreamEntry]) -> None:
        began, last = time.time_ns(), entries[-1].entry_id
        batch = self._parse(entries)
        with atomic():
            # the cursor first: a reader that has lost it stores nothing
            cursor.move(last, finished=len(entries))
            results = self._acceptor.accept(batch.commands)
            malformed = _malformed(entries, batch, results)
            store(stream=self._stream.name, malformed=malformed)
        cursor.place = last
        measure_commands(
            batch.commands,
            results,
            began=began,
            entry_ids=[entries[place].entry_id for place in batch.places],
        )
        measure_malformed(malformed)
        report(malformed)
        self._stream.publish_offset(last)
        logger.info(
            "stream batch finished",
            extra={
                "accepted": sum(isinstance(result, Accepted) for result in results),
                "duplicates": sum(isinstance(result, Duplicate) for result in results),
                "malformed": len(malformed),
            },
        )

    def _parse(self, entries: list[StreamEntry]) -> _Batch:
        batch = _Batch()
        for place, entry in enumerate(entries):
            try:
                command = parse_entry(entry=entry, max_payload_bytes=self._max_payload_bytes)
            except Rejection as rejection:
                batch.rejections[place] = rejection
            else:
                batch.commands.append(command)
                batch.places.append(place)
        return batch

    def _adopt(self, epoch: int) -> Cursor:
        """Where to go on: PostgreSQL's cursor, else the published offset, else the beginning."""
        published = self._stream.published_offset()
        known = known_place(self._stream.name)
        start = known.last_entry_id if known else published or START
        if known and published and published != start:
            logger.warning(
                "published offset differs from the cursor",
                extra={"published": published, "cursor": start},
            )
        cursor = adopt(stream=self._stream.name, epoch=epoch, start=start)
        self._check_trimmed(cursor)
        return cursor

    def _check_trimmed(self, cursor: Cursor) -> None:
        """What was removed before it was read is counted, as far as Redis still knows it."""
        state = self._stream.state()
        if state is None or state.first_entry_id is None or cursor.place == START:
            return
        if order_of(state.last_generated_id) < order_of(cursor.place):
            return  # a stream made anew, which the next idle turn meets
        known = known_place(self._stream.name)
        gap = _lost_entries(state, finished=known.entries_finished)
        if gap and order_of(state.first_entry_id) > order_of(cursor.place):
            self._note_gap(cursor, cursor.place, gap)

    def _check_ahead(self, cursor: Cursor) -> None:
        """A cursor ahead of the stream's last id would wait for ever: the stream was made anew."""
        state = self._stream.state()
        if state is None or order_of(state.last_generated_id) >= order_of(cursor.place):
            return
        self._note_gap(cursor, START, 1)
        self._stream.publish_offset(START, backwards=True)

    def _note_gap(self, cursor: Cursor, target: str, gap: int) -> None:
        with atomic():
            cursor.move(target, finished=0, gap=gap)
        metrics.GAPS.add(gap)
        logger.error(
            "stream entries were lost before they were read",
            extra={"entries": gap, "cursor": cursor.place, "going_on_after": target},
        )
        cursor.place = target

    def _trim(self, cursor: Cursor) -> None:
        now = self._clock()
        if self._retention is None or now - self._trimmed_at < _TRIM_SECONDS:
            return
        self._trimmed_at = now
        oldest = f"{int((now - self._retention.total_seconds()) * _ID_MILLISECONDS)}-0"
        self._stream.trim(before=min(oldest, cursor.place, key=order_of))


def _lost_entries(state: StreamState, *, finished: int) -> int:
    """Added, less those still there, less those finished; 1 where Redis does not count them."""
    if state.entries_added is None:
        return 1
    return max(0, state.entries_added - state.length - finished)


def _malformed(entries: list[StreamEntry], batch: _Batch, results: list[Result]) -> list[Malformed]:
    late = {
        place: result
        for place, result in zip(batch.places, results, strict=True)
        if isinstance(result, Rejection)
    }
    rejections = batch.rejections | late
    return [Malformed(entries[place], rejections[place]) for place in sorted(rejections)]
