"""What each check says of which facts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deliveries.diagnosis.facts import (
    Bounded,
    EndFacts,
    Ending,
    ExporterFacts,
    HoldFacts,
    HostFacts,
    LaneFacts,
    ListenerFacts,
    MalformedFacts,
    OutcomeFacts,
    PlanFacts,
    PostgresFacts,
    ProcessFacts,
    Reason,
    RedisFacts,
    RetentionFacts,
    ScheduleFacts,
    SchemaFacts,
    StreamFacts,
    TemplateFacts,
    WorkerFacts,
)
from deliveries.diagnosis.finding import Level, Verdict
from deliveries.diagnosis.judging import (
    configuration,
    exporters,
    outcomes,
    processes,
    relay,
    retention,
    schedule,
    schema,
    servers,
    stream,
)
from deliveries.diagnosis.judging.wording import lasting
from deliveries.states import ProcessType
from tests.conf.environment import load_with

CONFIG = load_with({})
STUB = load_with({"MAIL_SMTP_MODE": "stub"})
STREAM_LEADER = "consumer:mail:delivery_commands"

REDIS = RedisFacts("7.2", 0.3, "master", is_persistent=True, eviction="noeviction")
POSTGRES = PostgresFacts(
    version="16.1",
    latency_ms=0.4,
    is_read_only=False,
    clock_ahead=0.001,
    oldest_transaction=0.1,
    waiting_for_locks=0,
    sessions=9,
    most_sessions=100,
    sees_everyone=True,
)
SCHEMA = SchemaFacts(schema="mail", pending=(), unknown=())
PLAN = PlanFacts(
    index="due",
    is_valid=True,
    used=frozenset({"due"}),
    read_whole=frozenset(),
    estimated_rows=10_000_000,
    look_ahead_ms=0.6,
)
STREAM = StreamFacts(
    name="s", exists=True, last_generated_id="9-0", cursor="9-0", published="9-0",
    has_offset_key=True,
)  # fmt: skip
SMOKE = ListenerFacts("a", "x:1", "", 404, "delivery_not_found", 3.0)
EVERYBODY = WorkerFacts(
    by_type={
        kind: ProcessFacts(
            alive=2,
            hosts=("a", "b"),
            living=("a pid 7", "b pid 8"),
            capacity=32,
            slowest_heartbeat=2.0,
        )
        for kind in ProcessType
    },
    leads={STREAM_LEADER: True},
)
NOTHING_WAITS = ScheduleFacts(
    lanes=(),
    holds=(),
    handed_out=Bounded(0),
    handed_out_overdue=0.0,
    in_progress=Bounded(0),
    longest_in_progress=0.0,
)
ACCEPTED = Ending("provider_accepted", None, 90, 1.0)


def everybody_but(kind, facts=None):
    return replace(EVERYBODY, by_type={**EVERYBODY.by_type, kind: facts or ProcessFacts()})


def lane(source, overdue, count=5):
    return replace(NOTHING_WAITS, lanes=(LaneFacts(source, Bounded(count), overdue),))


def held(age, source="notification"):
    hold = HoldFacts(source, "relay moves", age, Bounded(100_000, more=True))
    return replace(lane(source, 900.0), holds=(hold,))


def ended(*endings, **facts):
    return OutcomeFacts(endings=endings, **facts)


def failing(code, count=10, ago=0.5):
    status = "timed_out" if code == "timeout" else "transport_failed"
    return Ending(status, code, count, ago)


def reasons(count, source="notification"):
    return (Reason(source, "temporary_reply", "451 4.3.0 later", count, 2.0),)


# judge, facts after the configuration, level, and what must be read in it
CASES = [
    (configuration.warnings, [()], "ok", "mail goes to smtp.example.com:587"),
    (configuration.warnings, [("mail.W001: In the clear.",)], "warning", "mail.W001"),
    (configuration.templates, [TemplateFacts(3, "abcdef" * 9)], "ok", "3 templates"),
    (configuration.templates, [TemplateFacts(0, "", ("a/en/text.txt:1: no", "b"))], "failed", "2"),
    (servers.redis_answers, [REDIS], "ok", "version 7.2"),
    (servers.redis_answers, [replace(REDIS, latency_ms=80.0)], "warning", "80 ms"),
    (servers.redis_role, [REDIS], "ok", "master"),
    (servers.redis_role, [replace(REDIS, role="slave")], "failed", "is a slave"),
    (servers.redis_role, [RedisFacts("", 0.1, "", None, "")], "ok", "not shown"),
    (servers.redis_keeps, [REDIS], "ok", "append-only"),
    (servers.redis_keeps, [replace(REDIS, eviction="allkeys-lru")], "warning", "evicts"),
    (servers.redis_keeps, [replace(REDIS, is_persistent=False)], "warning", "append-only"),
    (servers.redis_keeps, [RedisFacts("", 0.1, "", None, "")], "ok", "not shown"),
    (servers.postgres_answers, [POSTGRES], "ok", "at db.internal"),
    (servers.postgres_answers, [replace(POSTGRES, latency_ms=51.0)], "warning", "51 ms"),
    (servers.postgres_writable, [POSTGRES], "ok", "writes"),
    (servers.postgres_writable, [replace(POSTGRES, is_read_only=True)], "failed", "no writes"),
    (servers.postgres_clock, [POSTGRES], "ok", "ahead"),
    (servers.postgres_clock, [replace(POSTGRES, clock_ahead=-3.0)], "warning", "3.0 s behind"),
    (servers.postgres_sessions, [POSTGRES], "ok", "9 of 100"),
    (servers.postgres_sessions, [replace(POSTGRES, sees_everyone=False)], "ok", "sees little"),
    (servers.postgres_sessions, [replace(POSTGRES, oldest_transaction=61.0)], "warning", "61 s"),
    (servers.postgres_sessions, [replace(POSTGRES, sessions=91)], "warning", "91 of 100"),
    (servers.postgres_sessions, [replace(POSTGRES, waiting_for_locks=2)], "warning", "2 wait"),
    (schema.exists, [SCHEMA], "ok", "mail"),
    (schema.exists, [replace(SCHEMA, schema=None)], "failed", "no schema"),
    (schema.migrations, [SCHEMA], "ok", "all"),
    (schema.migrations, [replace(SCHEMA, pending=("deliveries.2",))], "failed", "deliveries.2"),
    (schema.migrations, [replace(SCHEMA, unknown=("deliveries.9",))], "warning", "newer"),
    (schema.migrations, [replace(SCHEMA, schema=None)], "failed", "no schema"),
    (schema.due_index, [PLAN], "ok", "serves"),
    (schema.due_index, [PLAN], "ok", "found in 0.6 ms"),
    (schema.due_index, [replace(PLAN, look_ahead_ms=201.0)], "warning", "found in 201 ms"),
    (schema.due_index, [replace(PLAN, is_valid=None)], "failed", "missing"),
    (schema.due_index, [replace(PLAN, is_valid=False)], "failed", "not valid"),
    (schema.due_index, [replace(PLAN, used=frozenset())], "failed", "does not use"),
    (schema.due_index, [replace(PLAN, used=frozenset(), estimated_rows=5)], "ok", "need no"),
    (servers.host_load, [HostFacts(1.0, 2)], "ok", "2 CPUs"),
    (servers.host_load, [HostFacts(8.1, 2)], "warning", "8.1"),
    (stream.lag, [replace(STREAM, exists=False)], "ok", "no command"),
    (stream.lag, [STREAM], "ok", "everything is read up to 9-0"),
    (stream.lag, [replace(STREAM, lag=4, next_age=0.2)], "ok", "4 entries"),
    (stream.lag, [replace(STREAM, lag=4, next_age=11.0)], "warning", "11 s ago"),
    (stream.lag, [replace(STREAM, lag=1, next_age=121.0)], "failed", "1 entry"),
    (stream.offset_ahead, [STREAM], "ok", "within"),
    (stream.offset_ahead, [replace(STREAM, is_ahead=True)], "failed", "past the stream's last"),
    (stream.gap, [STREAM], "ok", "nothing"),
    (stream.gap, [replace(STREAM, missing=7)], "failed", "7 entries"),
    (stream.gap, [replace(STREAM, gap_entries=7)], "warning", "7 entries"),
    (stream.published, [STREAM], "ok", "9-0"),
    (stream.published, [replace(STREAM, published="8-0")], "warning", "8-0"),
    (stream.published, [replace(STREAM, published=None)], "warning", "no entry id"),
    (
        stream.published,
        [replace(STREAM, published=None, has_offset_key=False)],
        "warning",
        "missing",
    ),
    (stream.malformed, [MalformedFacts({}, {})], "ok", "none"),
    (stream.malformed, [MalformedFacts({"invalid_body": 2}, {"invalid_body": "5-0"})], "warning",
     "invalid_body 2 (e.g. 5-0)"),
    (stream.malformed, [MalformedFacts({"invalid_body": 100}, {"invalid_body": "5-0"})], "failed",
     "100 in the last hour"),
    (processes.web, [EVERYBODY], "ok", "2 alive: a pid 7, b pid 8"),
    (processes.web, [everybody_but("web")], "failed", "none is alive"),
    (processes.consumer, [EVERYBODY], "ok", "2 alive"),
    (processes.consumer, [everybody_but("consumer")], "failed", "none is alive"),
    (processes.consumer, [replace(EVERYBODY, leads={STREAM_LEADER: False})], "failed", "leads"),
    (processes.consumer, [replace(EVERYBODY, leads={})], "failed", "none of them leads"),
    (processes.scheduler, [EVERYBODY], "ok", "2 alive"),
    (processes.scheduler, [everybody_but("scheduler")], "failed", "none is alive"),
    (processes.attempts, [EVERYBODY], "ok", "32 sends at once"),
    (processes.attempts, [everybody_but("attempts")], "failed", "none is alive"),
    (processes.prune, [EVERYBODY], "ok", "2 alive"),
    (processes.prune, [everybody_but("prune")], "warning", "none is alive"),
    (processes.lost, [EVERYBODY], "ok", "no process"),
    (
        processes.lost,
        [everybody_but("attempts", ProcessFacts(lost=1, gone=("c pid 9",)))],
        "warning",
        "1 of attempts (c pid 9)",
    ),
    (processes.heartbeats, [EVERYBODY], "ok", "2.0 s"),
    (
        processes.heartbeats,
        [everybody_but("web", ProcessFacts(alive=1, slowest_heartbeat=11.0))],
        "warning",
        "11 s",
    ),
    (processes.listener, [ListenerFacts("a", "x:1", "refused"), EVERYBODY], "failed", "refused"),
    (processes.listener, [SMOKE, EVERYBODY], "ok", "404"),
    (processes.listener, [replace(SMOKE, latency_ms=1001.0), EVERYBODY], "warning", "1001 ms"),
    (processes.listener, [replace(SMOKE, status=401), EVERYBODY], "warning", "401"),
    (processes.listener, [replace(SMOKE, code=""), EVERYBODY], "failed", "404"),
    (processes.listener, [replace(SMOKE, status=503), EVERYBODY], "failed", "503"),
    (processes.listener, [ListenerFacts("c", "x:1", "refused"), EVERYBODY], "warning", "on a, b"),
    (schedule.backlog, [NOTHING_WAITS], "ok", "nothing"),
    (schedule.backlog, [lane("notification", 3.0)], "ok", "notification 5"),
    (schedule.backlog, [lane("notification", 31.0)], "warning", "31 s"),
    (schedule.backlog, [lane("notification", 301.0)], "failed", "5 min"),
    (schedule.backlog, [lane("authsession", 6.0)], "warning", "6.0 s"),
    (schedule.backlog, [lane("authsession", 31.0)], "failed", "31 s"),
    (schedule.backlog, [held(9.0)], "ok", "nothing"),
    (schedule.handed_out, [NOTHING_WAITS], "ok", "0 wait"),
    (schedule.handed_out, [replace(NOTHING_WAITS, longest_in_progress=180.0)], "failed", "3 min"),
    (schedule.handed_out, [replace(NOTHING_WAITS, handed_out_overdue=31.0)], "warning", "31 s"),
    (schedule.holds, [NOTHING_WAITS], "ok", "nothing"),
    (schedule.holds, [held(60.0)], "warning", "100,000 or more wait"),
    (schedule.holds, [held(3601.0)], "warning", "relay moves"),
    (schedule.capacity, [NOTHING_WAITS, EVERYBODY, ended()], "ok", "too little"),
    (
        schedule.capacity,
        [lane("notification", 9.0, 100), EVERYBODY, ended(durations={"p50": 0.5})],
        "ok",
        "64.0/s",
    ),
    (
        schedule.capacity,
        [lane("notification", 9.0, 64_000), EVERYBODY, ended(durations={"p50": 0.5})],
        "warning",
        "17 min",
    ),
    (
        schedule.capacity,  # sends were fast, and are no more
        [
            lane("notification", 61.0, 1_300),
            EVERYBODY,
            ended(durations={"p50": 0.5}, per_second=2.0),
        ],
        "warning",
        "64.0/s, and 2.0/s in the last minute; what is due takes 11 min",
    ),
    (
        schedule.capacity,
        [lane("notification", 61.0, 5), EVERYBODY, ended(durations={"p50": 0.5}, per_second=0.0)],
        "warning",
        "0.0/s in the last minute",
    ),
    (
        schedule.capacity,  # much was due a moment ago only
        [lane("notification", 59.0, 5), EVERYBODY, ended(durations={"p50": 0.5}, per_second=0.0)],
        "ok",
        "64.0/s",
    ),
    (outcomes.reached, [ended(ACCEPTED)], "ok", "none of 90"),
    (outcomes.reached, [ended(ACCEPTED, failing("connect_failed"))], "failed", "accepted since"),
    (outcomes.reached, [ended(failing("tls_failed"))], "failed", "tls_failed 10"),
    (outcomes.reached, [ended(ACCEPTED, failing("dns_failed", 20, 5.0))], "warning", "since"),
    (outcomes.reached, [ended(ACCEPTED, failing("dns_failed", 1, 5.0))], "ok", "dns_failed 1"),
    (outcomes.refused, [ended(ACCEPTED, failing("dns_failed"))], "ok", "none of 100"),
    (outcomes.refused, [ended(failing("auth_failed"))], "failed", "auth_failed 10"),
    (outcomes.refused, [ended(failing("sender_refused"))], "failed", "sender_refused 10"),
    (outcomes.timeouts, [ended(failing("timeout"))], "failed", "timeout 10"),
    (outcomes.timeouts, [ended(ACCEPTED, failing("timeout", 1, 3.0))], "ok", "timeout 1"),
    (outcomes.durations, [ended()], "ok", "nothing was sent"),
    (
        outcomes.durations,
        [ended(durations={"p50": 0.1, "p95": 14.0, "longest": 29.0})],
        "ok",
        "14 s",
    ),
    (
        outcomes.durations,
        [ended(durations={"p50": 0.1, "p95": 16.0, "longest": 29.0})],
        "warning",
        "16 s",
    ),
    (outcomes.unknown, [ended()], "ok", "none"),
    (outcomes.unknown, [ended(unknown=2, unknown_codes=("timeout",))], "warning", "2 attempts"),
    (outcomes.dead_letters, [EndFacts()], "ok", "none"),
    (outcomes.dead_letters, [EndFacts(reasons(9))], "warning", "“451 4.3.0 later”"),
    (outcomes.dead_letters, [EndFacts(reasons(10))], "failed", "10 in the last hour"),
    (outcomes.dead_letters, [EndFacts(reasons(10), resent=1)], "warning", "1 of them sent again"),
    (outcomes.dead_letters, [EndFacts(reasons(10), resent=10)], "ok", "10 of them sent again"),
    (outcomes.suppressed, [EndFacts(), ended(ACCEPTED)], "ok", "none"),
    (outcomes.suppressed, [EndFacts(suppressed=reasons(1)), ended(ACCEPTED)], "ok", "1 in"),
    (outcomes.suppressed, [EndFacts(suppressed=reasons(5)), ended(ACCEPTED)], "warning", "5 in"),
    (outcomes.suppressed, [EndFacts(stubbed=1), ended()], "warning", "1 login code"),
    (outcomes.unmatched, [EndFacts()], "ok", "every dead letter"),
    (outcomes.unmatched, [EndFacts(unmatched=("d-1",))], "failed", "d-1"),
    (retention.lag, [RetentionFacts({"deliveries": 7000.0})], "ok", "nothing"),
    (retention.lag, [RetentionFacts({"payloads": 7201.0})], "warning", "payloads by 2 h"),
    (relay.relay_reached, [None], "ok", "stub"),
    (relay.relay_encrypted, [None], "ok", "stub"),
    (relay.relay_login, [None], "ok", "stub"),
    (exporters.reached, [(ExporterFacts("traces", "none"),)], "ok", "traces: none"),
    (exporters.reached, [(ExporterFacts("traces", "otlp", "http://c/v1"),)], "ok", "took"),
    (exporters.reached, [(ExporterFacts("traces", "otlp", "x", "no answer"),)], "warning", "no"),
]  # fmt: skip


@pytest.mark.parametrize(("judge", "facts", "level", "says"), CASES)
def test_what_is_said_of_facts(judge, facts, level, says):
    verdict = judge(CONFIG, *facts)
    assert verdict.level == level, verdict.seen
    assert says in verdict.seen


@pytest.mark.parametrize(
    ("variables", "level", "says"),
    [
        ({}, "ok", "4 attempts: waits of 60 s, 5 min, 30 min"),
        ({"MAIL_RETRY_LADDER": "30m,5m"}, "warning", "30 min, 5 min"),
        ({"MAIL_RETRY_LADDER": "1m,5m"}, "warning", "3 attempts"),
    ],
)
def test_the_ladder(variables, level, says):
    verdict = schedule.ladder(load_with(variables))
    assert verdict.level == level
    assert says in verdict.seen


@pytest.mark.parametrize(
    ("variables", "level"),
    [
        ({}, "ok"),
        ({"MAIL_WORKER_LEASE": "121s"}, "warning"),
        ({"MAIL_LOGIN_CODE_TTL": "1m"}, "warning"),
    ],
)
def test_the_lease(variables, level):
    assert schedule.lease(load_with(variables)).level == level


def test_login_codes_end_in_the_stub_where_it_is_meant():
    verdict = outcomes.suppressed(STUB, EndFacts(stubbed=3), ended())
    assert verdict.level is Level.OK
    assert "3 login codes" in verdict.seen


def test_what_follows_an_unknown_outcome_is_the_policys():
    facts = ended(unknown=1, unknown_codes=("worker_lost",))
    assert "twice" in outcomes.unknown(CONFIG, facts).advice
    fails = load_with({"MAIL_UNKNOWN_OUTCOME": "fail"})
    assert "not have arrived" in outcomes.unknown(fails, facts).advice


@pytest.mark.parametrize(
    ("verdict", "heading"),
    [
        (
            processes.listener(CONFIG, replace(SMOKE, status=503, code="unavailable"), EVERYBODY),
            "PostgreSQL is away",
        ),
        (processes.listener(CONFIG, replace(SMOKE, status=500, code=""), EVERYBODY), ""),
        (
            schedule.handed_out(CONFIG, replace(NOTHING_WAITS, longest_in_progress=9e3)),
            "No scheduler",
        ),
        (schedule.handed_out(CONFIG, replace(NOTHING_WAITS, handed_out_overdue=60.0)), ""),
        (
            outcomes.reached(CONFIG, ended(Ending("transport_failed", "tls_failed", 3, 1.0))),
            "No TLS to the relay",
        ),
        (
            outcomes.reached(
                CONFIG,
                ended(
                    Ending("transport_failed", "tls_failed", 3, 1.0),
                    Ending("transport_failed", "connect_failed", 3, 0.5),
                ),
            ),
            "",
        ),
    ],
)
def test_some_lead_to_another_heading_than_their_checks(verdict, heading):
    assert verdict.level is not Level.OK
    assert verdict.runbook == heading


def test_only_what_is_not_ok_has_advice():
    with pytest.raises(ValueError, match="advice"):
        Verdict(Level.OK, "fine", "do something")
    with pytest.raises(ValueError, match="advice"):
        Verdict(Level.FAILED, "broken")


def test_a_span_is_written_in_the_unit_that_suits_it():
    spans = [0, 0.0004, 0.38, 4.2, 45, 720, 3 * 3600, timedelta(days=9).total_seconds()]
    assert [lasting(span) for span in spans] == [
        *("0 ms", "0.4 ms", "380 ms", "4.2 s", "45 s", "12 min", "3 h", "9 d")
    ]
