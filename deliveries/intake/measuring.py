"""What telemetry is told of commands that were decided on, after the commit."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from deliveries.intake.accept import Accepted, Duplicate, Result
from deliveries.intake.command import Command
from deliveries.intake.malformed import Malformed
from deliveries.intake.rejection import Rejection
from deliveries.states import DeliveryStatus
from deliveries.telemetry import metrics
from deliveries.telemetry.facts import Decision
from deliveries.telemetry.spans import record_acceptance


def measure_commands(
    commands: Sequence[Command],
    results: Sequence[Result],
    *,
    began: int,
    entry_ids: Sequence[str] | None = None,
) -> None:
    """Of one batch that started at `began` (Unix ns); `entry_ids` when it came by the stream."""
    accepted: dict[tuple[str, str], int] = defaultdict(int)
    duplicates: dict[str, int] = defaultdict(int)
    suppressed: dict[str, int] = defaultdict(int)
    for place, (command, result) in enumerate(zip(commands, results, strict=True)):
        if isinstance(result, Accepted):
            accepted[command.source, command.payload_mode] += 1
            if result.status is DeliveryStatus.SUPPRESSED:  # the stub's: it has ended already
                suppressed[command.source] += 1
        elif isinstance(result, Duplicate):
            duplicates[command.source] += 1
        _record(command, result, began, entry_ids[place] if entry_ids else None)
    for (source, mode), count in accepted.items():
        metrics.ACCEPTED.add(count, source=source, payload_mode=mode)
    for source, count in duplicates.items():
        metrics.DUPLICATES.add(count, source=source)
    for source, count in suppressed.items():
        metrics.SUPPRESSED.add(count, source=source)


def measure_malformed(malformed: Sequence[Malformed]) -> None:
    codes = Counter(found.rejection.code for found in malformed)
    for code, count in codes.items():
        metrics.MALFORMED.add(count, failure_code=code)


def _record(command: Command, result: Result, began: int, entry_id: str | None) -> None:
    trace = result.traceparent if isinstance(result, Accepted) else command.traceparent
    record_acceptance(
        Decision(
            delivery_id=command.delivery_id,
            source=command.source,
            payload_mode=command.payload_mode,
            outcome=_outcome(result),
            stream_entry_id=entry_id,
            failure_code=result.code if isinstance(result, Rejection) else None,
        ),
        traceparent=trace,
        tracestate=command.tracestate,
        began=began,
    )


def _outcome(result: Result) -> str:
    if isinstance(result, Accepted):
        return "accepted"
    return "duplicate" if isinstance(result, Duplicate) else "rejected"
