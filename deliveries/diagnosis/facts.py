"""What the gatherers find, one class per part of the system. Pure: no I/O, no judgement.

Ages and waits are seconds, by PostgreSQL's clock where rows are concerned. Counts that are bounded
say so: `Bounded.more` means that counting stopped there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bounded:
    """A count that stopped at its bound, if `more`."""

    count: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.count:,} or more" if self.more else f"{self.count:,}"


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    count: int
    digest: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """`eviction` is the policy in use, empty where memory is not bounded or nobody may ask."""

    version: str
    latency_ms: float
    role: str
    is_persistent: bool | None  # None: the role may not ask
    eviction: str


@dataclass(frozen=True, slots=True)
class PostgresFacts:
    version: str
    latency_ms: float
    is_read_only: bool
    clock_ahead: float  # of this host's clock; negative: behind
    oldest_transaction: float
    waiting_for_locks: int
    sessions: int
    most_sessions: int
    sees_everyone: bool  # whether the role may see what other roles' sessions do


@dataclass(frozen=True, slots=True)
class SchemaFacts:
    """`schema` is where tables are looked for, None where there is none that the role may use."""

    schema: str | None
    pending: tuple[str, ...]
    unknown: tuple[str, ...]  # applied, and not known to this release


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """How PostgreSQL would run the hand-out. `is_valid` is None where the index is missing.

    `look_ahead_ms` is how long the scheduler's question took, which reads the index in the same
    way.
    """

    index: str
    is_valid: bool | None
    used: frozenset[str]
    read_whole: frozenset[str]
    estimated_rows: int
    look_ahead_ms: float


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The stream beside the cursor in PostgreSQL and the offset in Redis.

    `next_age` is the age of the first entry that is not read, None when there is none. `missing`
    counts entries that are gone unread and that no cursor has noted yet. `lag` may be 1 for some.
    """

    name: str
    exists: bool
    last_generated_id: str = ""
    cursor: str | None = None
    published: str | None = None
    has_offset_key: bool = False
    is_ahead: bool = False
    lag: int = 0
    next_age: float | None = None
    missing: int = 0
    gap_entries: int = 0


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """The processes of one type. `lost` stopped in the last hour without ending their lease.

    `living` tells of each that is alive where it runs and under which pid, `gone` the same of the
    lost.
    """

    alive: int = 0
    hosts: tuple[str, ...] = ()
    living: tuple[str, ...] = ()
    capacity: int = 0
    lost: int = 0
    gone: tuple[str, ...] = ()
    slowest_heartbeat: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    by_type: Mapping[str, ProcessFacts]
    leads: Mapping[str, bool]  # leadership -> whether somebody has it now


@dataclass(frozen=True, slots=True)
class HoldFacts:
    source: str
    reason: str
    age: float
    behind: Bounded


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """Deliveries of one source that wait and whose time has come. `overdue` is the longest."""

    source: str
    waiting: Bounded
    overdue: float


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """`handed_out` waits for a worker, `in_progress` is with one."""

    lanes: tuple[LaneFacts, ...]
    holds: tuple[HoldFacts, ...]
    handed_out: Bounded
    handed_out_overdue: float
    in_progress: Bounded
    longest_in_progress: float


@dataclass(frozen=True, slots=True)
class Ending:
    """Attempts that ended alike, in the sample. `last_ago` is the newest of them."""

    status: str
    failure_code: str | None
    count: int
    last_ago: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Deliveries that ended alike, in the last hour: `summary` is masked."""

    source: str
    failure_code: str | None
    summary: str
    count: int
    last_ago: float


@dataclass(frozen=True, slots=True)
class OutcomeFacts:
    """The newest finished attempts of the last hour.

    Durations are those of attempts that reached the relay. `unknown` counts unknown outcomes.
    """

    endings: tuple[Ending, ...] = ()
    durations: Mapping[str, float] = field(default_factory=dict)  # p50, p95, longest
    unknown: int = 0
    unknown_codes: tuple[str, ...] = ()
    per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class EndFacts:
    """Deliveries that did not arrive in the last hour, by reason. `resent` are dead letters."""

    dead_letters: tuple[Reason, ...] = ()
    resent: int = 0
    suppressed: tuple[Reason, ...] = ()
    stubbed: int = 0  # login codes that ended at intake, in stub mode
    unmatched: tuple[str, ...] = ()  # delivery ids: a dead letter without its entry, or the reverse


@dataclass(frozen=True, slots=True)
class MalformedFacts:
    """The malformed commands of the last hour by code, with one entry id as an example."""

    by_code: Mapping[str, int]
    examples: Mapping[str, str]
    is_bounded: bool = False


@dataclass(frozen=True, slots=True)
class RetentionFacts:
    """How far the oldest row of each kind is past its retention; 0 where none is."""

    late: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class HostFacts:
    load: float  # processes that want a CPU, averaged over a minute
    cpus: int


@dataclass(frozen=True, slots=True)
class ListenerFacts:
    """What answered `host` at the internal HTTP address. `status` is None where nothing did."""

    host: str
    address: str
    problem: str = ""
    status: int | None = None
    code: str = ""
    latency_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class ExporterFacts:
    """One signal's exporter. `problem` is empty where its collector took an empty export."""

    signal: str
    exporter: str
    endpoint: str = ""
    problem: str = ""
