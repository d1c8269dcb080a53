"""One step of the consumer: lead, read a bounded batch, accept it, move the cursor, publish."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from deliveries import crash
from deliveries.crash import Point
from deliveries.database import atomic
from deliveries.intake.accept import Accepted, Acceptor, Duplicate, Result
from deliveries.intake.command import Command, parse_entry
from deliveries.intake.cursor import Cursor, CursorLostError, adopt, known_place
from deliveries.intake.entry import StreamEntry
from deliveries.intake.gaps import START, examine, order_of
from deliveries.intake.lag import Lag
from deliveries.intake.malformed import Malformed, report, store
from deliveries.intake.measuring import measure_commands, measure_malformed
from deliveries.intake.rejection import Rejection
from deliveries.intake.stream import CommandStream
from deliveries.intake.weight import first_of
from deliveries.telemetry import metrics

logger = logging.getLogger(__name__)

_TRIM_SECONDS = 25.0
_MS_PER_SECOND = 1000

Lead = Callable[[], int | None]


@dataclass(slots=True)
class _Batch:
    """Entries parsed: the commands, where they stood, and what was found malformed at once."""

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
        clock: Callable[[], float] = time.monotonic,
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
        self._published: str | None = None
        self._trimmed_at = -math.inf
        self._lag = Lag(stream)

    def step(self) -> bool:
        """Take one batch; whether it makes sense to ask again at once. Waits for what arrives."""
        epoch = self._lead()
        if epoch is None:
            self.forget()
            return False
        try:
            cursor = self._cursor
            if cursor is None or cursor.epoch != epoch:
                cursor = self._cursor = self._adopt(epoch)
            return self._work(cursor)
        except CursorLostError:
            logger.warning("another consumer has the stream")
            self._cursor = None
            return False

    def forget(self) -> None:
        """After a fault nothing is assumed: the cursor is read again."""
        self._cursor = None
        self._lag.forget()

    def _work(self, cursor: Cursor) -> bool:
        entries = first_of(self._stream.read(after=cursor.place, count=self._batch_size))
        if entries:
            crash.here(Point.CONSUMER_READ)
            cursor = self._cursor = self._finish(cursor, entries)
        else:
            cursor = self._cursor = self._examine(cursor)
        # before the publishing, which a Redis that is full refuses
        self._trim(cursor)
        self._publish(cursor)
        self._lag.look(place=cursor.place, accounted=cursor.accounted)
        if not entries:
            self._stream.wait(after=cursor.place, seconds=self._block)
        return True

    def _finish(self, cursor: Cursor, entries: Sequence[StreamEntry]) -> Cursor:
        began, last = time.time_ns(), entries[-1].entry_id
        batch = self._parse(entries)
        with atomic():
            # the cursor first: a reader that has lost it stores nothing
            moved = cursor.finish(last, entries=len(entries))
            results = self._acceptor.accept(batch.commands)
            malformed = _malformed(entries, batch, results)
            store(stream=self._stream.name, malformed=malformed)
            crash.here(Point.CONSUMER_STORED)
        crash.here(Point.CONSUMER_COMMITTED)
        measure_commands(
            batch.commands,
            results,
            began=began,
            entry_ids=[entries[place].entry_id for place in batch.places],
        )
        measure_malformed(malformed)
        report(malformed)
        logger.info(
            "stream batch finished",
            extra={
                "accepted": sum(isinstance(result, Accepted) for result in results),
                "duplicates": sum(isinstance(result, Duplicate) for result in results),
                "malformed": len(malformed),
            },
        )
        return moved

    def _parse(self, entries: Sequence[StreamEntry]) -> _Batch:
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
        crash.here(Point.CONSUMER_LED)
        published = self._stream.published_offset()
        known = known_place(self._stream.name)
        start = known.last_entry_id if known else published or START
        if known and published and published != start:
            logger.warning(
                "published offset differs from the cursor",
                extra={"published": published, "cursor": start},
            )
        # of a stream that is not there yet nothing can have gone
        accounted = 0 if start == START and self._stream.state() is None else None
        adopted = adopt(stream=self._stream.name, epoch=epoch, start=start, accounted=accounted)
        cursor = self._examine(adopted)
        self._published = published
        return cursor

    def _examine(self, cursor: Cursor) -> Cursor:
        """Count what was lost before it was read; a stream that is not ours is read from its start.

        Otherwise a cursor ahead of the stream's last id would wait for ever.
        """
        state = self._stream.state()
        if state is None:
            return cursor
        finding = examine(place=cursor.place, accounted=cursor.accounted, state=state)
        if finding is None:
            return cursor
        if finding.target == START != cursor.place:
            # before the cursor: a crash in between leaves a cursor that shows it again
            self._stream.reset_offset()
            crash.here(Point.CONSUMER_RESET)
        with atomic():
            moved = cursor.note(finding)
        if finding.gap:
            metrics.GAPS.add(finding.gap)
            logger.error(
                "stream entries were lost before they were read",
                extra={
                    "entries": finding.gap,
                    "cursor": cursor.place,
                    "going_on_after": finding.target,
                },
            )
        self._published = None
        return moved

    def _publish(self, cursor: Cursor) -> None:
        """Publish the cursor, unless it is published: also when an earlier turn could not."""
        if self._published == cursor.place:
            return
        self._stream.publish_offset(cursor.place)
        self._published = cursor.place
        crash.here(Point.CONSUMER_PUBLISHED)

    def _trim(self, cursor: Cursor) -> None:
        now = self._clock()
        if self._retention is None or now - self._trimmed_at < _TRIM_SECONDS:
            return
        # by the time of day, as ids are; it may be set back, so the interval does not go by it
        until = max(0.0, time.time() - self._retention.total_seconds())
        oldest = f"{int(until * _MS_PER_SECOND)}-0"
        # the cursor's own entry stays: it shows that nothing is missing between it and the next
        if not self._stream.trim(before=min(oldest, cursor.place, key=order_of)):
            self._trimmed_at = now


def _malformed(
    entries: Sequence[StreamEntry], batch: _Batch, results: list[Result]
) -> list[Malformed]:
    late = {
        place: result
        for place, result in zip(batch.places, results, strict=True)
        if isinstance(result, Rejection)
    }
    rejections = batch.rejections | late
    return [Malformed(entries[place], rejections[place]) for place in sorted(rejections)]
