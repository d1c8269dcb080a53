"""The classifier against the contract's examples, and complete over everything else."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.attempt.smtp.replies import parse_reply
from deliveries.outcome import classification, table
from deliveries.outcome.classification import Classifier
from deliveries.outcome.report import Event, Reply, Report
from deliveries.outcome.table import ReplyRow
from deliveries.states import FINISHED_ATTEMPT, AttemptStatus, FailureCode, Phase
from tests.outcome.examples import (
    AT_ONCE,
    CLASSIFIER,
    EVENTS,
    REFUSED,
    REPLIES,
    SUPPRESSED,
    A,
    R,
    meant,
    reply_of,
    wrong_examples,
)

CODES = [*range(200, 600)]
ENHANCED = [None, "4.2.2", "4.5.3", "5.1.1"]


@pytest.mark.parametrize("example", REPLIES, ids=lambda example: " ".join(map(str, example[:4])))
def test_replies(example):
    reply, phase, expected = reply_of(example)
    assert meant(CLASSIFIER.judge_reply(phase=phase, reply=reply)) == expected


@pytest.mark.parametrize(
    ("marker", "raw", "found"),
    [
        ("5.1.1", b"550 5.1.1 user unknown\r\n", True),
        ("550 5.1.1 user", b"550 5.1.1 User unknown\r\n", True),
        ("550", b"550 user unknown\r\n", True),
        ("5.1.1", b"550 5.1.2 user unknown\r\n", False),
        ("blocked", b"550-5.7.1 " + b"x" * 600 + b"\r\n550 5.7.1 Blocked\r\n", True),
        ("blocked", b"550-5.7.1 no\r\n" * 100 + b"550 5.7.1 Blocked\r\n", True),
        ("4.2.2", b"450 4.2.2 full\r\n", False),
    ],
)
def test_a_marker_is_sought_in_the_whole_of_a_permanent_reply(marker, raw, found):
    judgement = Classifier((marker,)).judge_reply(phase=Phase.RCPT, reply=parse_reply(raw))
    assert (judgement.disposition is SUPPRESSED) is found


def test_a_summary_is_cut():
    assert len(Reply(550, "5.7.1", "x" * 600).summary) == 512
    assert Reply(550, None, "x" * 507 + " y").summary == "550 " + "x" * 507


@pytest.mark.parametrize("event", sorted(set(Event) - {Event.REPLY, Event.GIVEN_BACK}))
def test_events(event):
    assert meant(CLASSIFIER.judge(Report(event, Phase.CONNECT))) == EVENTS[event]


@pytest.mark.parametrize("key", AT_ONCE)
def test_too_many_recipients_are_tried_at_once(key):
    assert CLASSIFIER.is_tried_at_once(Reply(*key)) is AT_ONCE[key]


def test_what_decides_nothing_is_not_judged():
    with pytest.raises(ValueError, match="given back"):
        CLASSIFIER.judge(Report(Event.GIVEN_BACK, Phase.MAIL))
    with pytest.raises(ValueError, match="carries the reply"):
        CLASSIFIER.judge(Report(Event.REPLY, Phase.MAIL))


def test_the_table_is_complete():
    """Every reply in every phase has a row, and every event; no row is never reached."""
    found = {
        next(
            number
            for number, row in enumerate(table.REPLIES)
            if row.fits(phase=phase, code=code, enhanced=enhanced, marked=marked)
        )
        for phase, code, enhanced, marked in product(Phase, CODES, ENHANCED, [False, True])
    }
    assert found == set(range(len(table.REPLIES)))
    assert set(table.EVENTS) == set(Event) - {Event.REPLY, Event.GIVEN_BACK}


@given(
    phase=st.sampled_from(sorted(Phase)),
    code=st.integers(min_value=200, max_value=599),
    enhanced=st.sampled_from(ENHANCED),
    text=st.text(max_size=20),
)
def test_every_reply_has_a_judgement_that_holds_together(phase, code, enhanced, text):
    judgement = CLASSIFIER.judge_reply(phase=phase, reply=Reply(code, enhanced, text))
    assert judgement.status in FINISHED_ATTEMPT
    assert (judgement.status is A) == (judgement.failure_code is None)
    assert (judgement.status is R) == (judgement.disposition in {REFUSED, SUPPRESSED})
    assert code >= 500 or judgement.status is not R


def mutants_of(judgement):
    """The judgement with each of its parts changed."""
    other_status = next(s for s in AttemptStatus if s is not judgement.status)
    other_code = next(c for c in FailureCode if c is not judgement.failure_code)
    others = [d for d in type(judgement.disposition) if d is not judgement.disposition]
    yield replace(judgement, status=other_status)
    yield replace(judgement, failure_code=other_code)
    yield replace(judgement, disposition=others[0])


def mutants_of_row(row):
    """Every way to spoil one part of a row, and the row left out (None)."""
    if row is not table.REPLIES[-1]:
        yield None
    for judgement in mutants_of(row.judgement):
        yield replace(row, judgement=judgement)
    for phase in row.phases:
        yield replace(row, phases=tuple(p for p in row.phases if p is not phase))
    for code in row.codes:
        yield replace(row, codes=(*(c for c in row.codes if c != code), "999"))
    for number in range(len(row.enhanced)):
        yield replace(row, enhanced=(*row.enhanced[:number], *row.enhanced[number + 1 :], "9.9.9"))
    if row.enhanced:
        yield replace(row, enhanced=())
    if row.marked:
        yield replace(row, marked=False)
    yield replace(row, at_once=not row.at_once)


def is_caught():
    try:
        return bool(wrong_examples())
    except StopIteration:
        return True  # a reply without a row


MUTANTS = [
    (number, mutant)
    for number, row in enumerate(table.REPLIES)
    for mutant in mutants_of_row(row)
    # for recipients only: nothing else is ever tried at once
    if mutant is None or mutant.at_once == row.at_once or Phase.RCPT in row.phases
]


@pytest.fixture
def fresh_table():
    classification._find.cache_clear()
    yield
    classification._find.cache_clear()


@pytest.mark.usefixtures("fresh_table")
@pytest.mark.parametrize(("number", "mutant"), MUTANTS)
def test_a_spoiled_row_is_caught(monkeypatch, number, mutant: ReplyRow | None):
    """By the examples that the tests above run."""
    assert not wrong_examples()
    rows = [*table.REPLIES]
    rows[number : number + 1] = [] if mutant is None else [mutant]
    monkeypatch.setattr(table, "REPLIES", tuple(rows))
    classification._find.cache_clear()
    assert is_caught()


@pytest.mark.usefixtures("fresh_table")
@pytest.mark.parametrize("event", table.EVENTS)
def test_a_spoiled_event_is_caught(monkeypatch, event):
    for judgement in mutants_of(table.EVENTS[event].judgement):
        row = replace(table.EVENTS[event], judgement=judgement)
        monkeypatch.setitem(table.EVENTS, event, row)
        assert wrong_examples() == [event]


@pytest.mark.usefixtures("fresh_table")
@pytest.mark.parametrize("number", range(len(table.REPLIES) - 1))
def test_two_rows_in_the_wrong_order_are_caught_where_it_matters(monkeypatch, number):
    rows = [*table.REPLIES]
    rows[number], rows[number + 1] = rows[number + 1], rows[number]
    overlap = any(
        all(
            row.fits(phase=phase, code=code, enhanced=enhanced, marked=marked)
            for row in rows[number : number + 2]
        )
        for phase, code, enhanced, marked in product(Phase, CODES, ENHANCED, [False, True])
    )
    same = rows[number].judgement == rows[number + 1].judgement and not rows[number + 1].at_once
    monkeypatch.setattr(table, "REPLIES", tuple(rows))
    classification._find.cache_clear()
    assert bool(wrong_examples()) is (overlap and not same)
