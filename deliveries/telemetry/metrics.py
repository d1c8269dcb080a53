"""Every metric of the service, declared once, and how it is recorded.

    metrics.ACCEPTED.add(3, source=source, payload_mode=mode)

A metric is silent until `providers.start` binds it. A label whose value is None is left out. The
name holds the unit where the service's contract has it there.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

_BUCKETS_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 15_000, 30_000, 60_000)
# up to the default waits of an attempt: 30 s to the end of the message, 2 m for the final reply
_LONGEST_BUCKETS_MS = (90_000, 120_000, 150_000)


@dataclass(slots=True)
class Metric:
    """What all kinds have in common. `labels` are the names of its attributes."""

    name: str
    unit: str
    description: str
    labels: tuple[str, ...] = ()
    _instrument: Any = field(default=None, repr=False)
    kind: ClassVar[str]

    def bind(self, meter: Any) -> None:
        raise NotImplementedError

    def unbind(self) -> None:
        self._instrument = None


@dataclass(slots=True)
class Counter(Metric):
    kind: ClassVar[str] = "counter"

    def bind(self, meter: Any) -> None:
        self._instrument = meter.create_counter(self.name, self.unit, self.description)

    def add(self, count: int, **labels: str | None) -> None:
        """Adding 0 makes the series exist, so that its first increase is seen."""
        if self._instrument is not None:
            self._instrument.add(count, _given(labels))


@dataclass(slots=True)
class Histogram(Metric):
    buckets: tuple[float, ...] = ()
    kind: ClassVar[str] = "histogram"

    def bind(self, meter: Any) -> None:
        self._instrument = meter.create_histogram(
            self.name, self.unit, self.description, explicit_bucket_boundaries_advisory=self.buckets
        )

    def record(self, value: float, **labels: str | None) -> None:
        if self._instrument is not None:
            self._instrument.record(value, _given(labels))


@dataclass(slots=True)
class Gauge(Metric):
    """A value that one process has sampled: exported while it is fresh, absent afterwards.

    A gauge that only kept its last value would be exported for ever, by a process that no longer
    knows it. So each value carries its end, by the monotonic clock.
    """

    _sample: tuple[float, float] | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    kind: ClassVar[str] = "gauge"

    def bind(self, meter: Any) -> None:
        self._instrument = meter.create_observable_gauge(
            self.name, [self._observe], self.unit, self.description
        )

    def put(self, value: float, *, until: float) -> None:
        """`until` is a time of the monotonic clock."""
        self._sample = (until, value)

    def clear(self) -> None:
        self._sample = None

    @property
    def value(self) -> float | None:
        """What would be exported now; None when that is nothing."""
        sample = self._sample
        return None if sample is None or self.clock() >= sample[0] else sample[1]

    def _observe(self, _options: Any) -> Iterable[Any]:
        from opentelemetry.metrics import Observation  # noqa: PLC0415 - bound, so imported already

        value = self.value
        return () if value is None else (Observation(value),)


def _given(labels: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value is not None}


ACCEPTED = Counter(
    "mail.delivery.accepted",
    "{delivery}",
    "Commands that became deliveries.",
    ("source", "payload_mode"),
)
DUPLICATES = Counter(
    "mail.delivery.duplicates",
    "{command}",
    "Commands that repeated a known one and made nothing new.",
    ("source",),
)
SENT = Counter(
    "mail.delivery.sent", "{delivery}", "Deliveries that ended with a recipient accepted."
)
PARTIAL = Counter(
    "mail.delivery.partial",
    "{delivery}",
    "Those of the sent that ended with a recipient refused or never reached.",
)
FAILED = Counter(
    "mail.delivery.failed",
    "{delivery}",
    "Deliveries that ended as failed: refused for good, expired, or of unknown outcome.",
    ("failure_code",),
)
SUPPRESSED = Counter(
    "mail.delivery.suppressed",
    "{delivery}",
    "Deliveries that ended as suppressed, by the provider or by the stub mode.",
    ("source",),
)
DEAD_LETTERS = Counter(
    "mail.delivery.dead_letters", "{delivery}", "Deliveries whose retry ladder was used up."
)
OUTCOMES = Counter(
    "mail.attempt.outcomes",
    "{attempt}",
    "Attempts that were recorded as finished; an accepted one has no failure code.",
    ("status", "failure_code"),
)
SEND_DURATION = Histogram(
    "mail.provider.send.duration_ms",
    "ms",
    "How long an attempt held its sender, from its start to the last reply of the relay.",
    ("status",),
    buckets=(*_BUCKETS_MS, *_LONGEST_BUCKETS_MS),
)
MALFORMED = Counter(
    "mail.stream_commands.malformed",
    "{entry}",
    "Stream entries that could not be accepted.",
    ("failure_code",),
)
LAG = Gauge(
    "mail.stream_commands.lag", "{entry}", "Stream entries that the consumer has not finished."
)
GAPS = Counter(
    "mail.stream_commands.gaps",
    "{entry}",
    "Stream entries that were lost before they were read; 1 where nobody knows how many.",
)
PRUNED = Counter("mail.prune.deleted", "{row}", "Rows that retention deleted.", ("table",))

DEPTH = Gauge(
    "mail.attempt_schedule.depth",
    "{delivery}",
    "Deliveries that wait for an attempt, retries and handed-out ones included.",
)
DEFERRED = Gauge(
    "mail.attempt_schedule.deferred",
    "{delivery}",
    "Deliveries whose send_at has not come.",
)
OLDEST_AGE = Gauge(
    "mail.attempt_schedule.oldest_age_ms",
    "ms",
    "How long the oldest of the waiting has waited since it was put there; 0 when nobody waits.",
)
OVERDUE = Gauge(
    "mail.attempt_schedule.overdue_ms",
    "ms",
    "How far past its time the most overdue of the waiting is; 0 when none is.",
)
SCHEDULE = (DEPTH, DEFERRED, OLDEST_AGE, OVERDUE)

METRICS: tuple[Metric, ...] = (
    *SCHEDULE,
    ACCEPTED,
    DUPLICATES,
    SENT,
    PARTIAL,
    FAILED,
    SUPPRESSED,
    DEAD_LETTERS,
    OUTCOMES,
    SEND_DURATION,
    MALFORMED,
    LAG,
    GAPS,
    PRUNED,
)


def clear_gauges() -> None:
    for metric in METRICS:
        if isinstance(metric, Gauge):
            metric.clear()
