"""The series that exist from the start of a process: those that it may count in, at zero.

A series that appears with its first increase hides that increase from whoever computes a rate.
"""

from collections.abc import Iterator

from deliveries.intake.rejection import RejectionCode
from deliveries.states import AttemptStatus, FailureCode, PayloadMode, ProcessType, Source
from deliveries.telemetry import metrics
from deliveries.telemetry.metrics import Counter

Series = tuple[Counter, dict[str, str | None]]

_TIMED_OUT = frozenset({FailureCode.TIMEOUT, FailureCode.WORKER_LOST})
_REJECTED = frozenset(
    {
        FailureCode.PERMANENT_REPLY,
        FailureCode.SUPPRESSED_BY_PROVIDER,
        FailureCode.MESSAGE_TOO_LARGE,
        FailureCode.SMTPUTF8_UNAVAILABLE,
    }
)
# a delivery's own, never an attempt's
_OF_DELIVERIES = frozenset(
    {FailureCode.EXPIRED, FailureCode.CANCELLED, FailureCode.OUTCOME_UNKNOWN}
)
_FAILED = frozenset(
    {
        FailureCode.PERMANENT_REPLY,
        FailureCode.MESSAGE_TOO_LARGE,
        FailureCode.SMTPUTF8_UNAVAILABLE,
        FailureCode.EXPIRED,
        FailureCode.OUTCOME_UNKNOWN,
    }
)
PRUNED_TABLES = (
    "deliveries",
    "delivery_payloads",
    "attachments",
    "attempts",
    "dead_letters",
    "idempotency_reservations",
    "malformed_commands",
    "workers",
)


def make_series(process: ProcessType) -> None:
    """Make those of one process type exist."""
    for counter, labels in series_of(process):
        counter.add(0, **labels)


def series_of(process: ProcessType) -> Iterator[Series]:
    if process is ProcessType.CONSUMER:
        yield from _acceptance(Source.NOTIFICATION)
        for code in RejectionCode:
            yield metrics.MALFORMED, {"failure_code": code}
        yield metrics.GAPS, {}
    elif process is ProcessType.WEB:
        yield from _acceptance(Source.AUTHSESSION)
        yield from _acceptance(Source.OPERATOR_RESEND)
        yield metrics.SUPPRESSED, {"source": Source.AUTHSESSION}  # in stub mode
    elif process in {ProcessType.ATTEMPTS, ProcessType.SCHEDULER}:
        yield from _ends()
    elif process is ProcessType.PRUNE:
        for table in PRUNED_TABLES:
            yield metrics.PRUNED, {"table": table}


def _acceptance(source: Source) -> Iterator[Series]:
    for mode in PayloadMode:
        yield metrics.ACCEPTED, {"source": source, "payload_mode": mode}
    yield metrics.DUPLICATES, {"source": source}


def _ends() -> Iterator[Series]:
    for counter in (metrics.SENT, metrics.PARTIAL, metrics.DEAD_LETTERS):
        yield counter, {}
    for source in Source:
        yield metrics.SUPPRESSED, {"source": source}
    for code in sorted(_FAILED):
        yield metrics.FAILED, {"failure_code": code}
    for code in FailureCode:
        if code not in _OF_DELIVERIES:
            yield metrics.OUTCOMES, {"status": _status_of(code), "failure_code": code}
    yield metrics.OUTCOMES, {"status": AttemptStatus.PROVIDER_ACCEPTED}


def _status_of(code: FailureCode) -> AttemptStatus:
    if code in _TIMED_OUT:
        return AttemptStatus.TIMED_OUT
    return AttemptStatus.PROVIDER_REJECTED if code in _REJECTED else AttemptStatus.TRANSPORT_FAILED
