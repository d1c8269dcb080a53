"""The front page."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from deliveries.console.health.charts import Bar, Column, Columns, draw_bars, draw_columns
from deliveries.console.health.facts import Readings, Sends
from deliveries.console.health.outcomes import Outcomes, read_outcomes
from deliveries.console.health.readings import (
    DURATIONS,
    LATEST_MALFORMED,
    MOST_COUNTED,
    take_readings,
)
from deliveries.console.health.verdict import judge
from deliveries.console.reading import bounded
from deliveries.console.story.timeline import spell
from deliveries.console.words import DELIVERY_STATUS, FAILURE, SOURCE
from deliveries.states import DeliveryStatus, ProcessType

_ENDS = (
    DeliveryStatus.SENT,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.FAILED,
    DeliveryStatus.DEAD_LETTER,
)
_HOUR = timedelta(hours=1)


def front_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Two transactions: one that may write counts down, one that only reads."""
    now = timezone.now()
    outcomes = read_outcomes(now)
    with bounded():
        readings = take_readings(now)
    ended = outcomes.since(now - _HOUR)
    day = outcomes.since(outcomes.begin)
    dead_hour = _number(ended, DeliveryStatus.DEAD_LETTER)
    page = {
        "title": "Overview",
        "now": now,
        "readings": readings,
        "verdict": judge(readings, dead_letters=dead_hour),
        "overdue": spell(readings.overdue) if readings.due else "",
        "due": _at_most(readings.due),
        "sent_hour": _number(ended, DeliveryStatus.SENT),
        "ended_badly": _number(ended, DeliveryStatus.FAILED, DeliveryStatus.DEAD_LETTER),
        "dead_day": _number(day, DeliveryStatus.DEAD_LETTER),
        "malformed": _at_most(readings.malformed, LATEST_MALFORMED),
        "outcomes": _outcomes_chart(outcomes),
        "counted": all(whole for _, _, whole in outcomes.by_hour()),
        "ends": [DELIVERY_STATUS[status] for status in _ENDS],
        "sends": _sends_chart(readings.sends),
        "percentiles": _percentiles(readings.sends),
        "causes": _causes(day),
        "lanes": _lanes(readings),
        "process_types": _process_types(readings),
    }
    return render(request, "console/overview.html", {**context, **page})


def _number(counts: Any, *statuses: str) -> int:
    return sum(number for (status, _), number in counts.items() if status in statuses)


def _outcomes_chart(outcomes: Outcomes) -> Columns:
    columns = []
    for start, counts, whole in outcomes.by_hour():
        numbers = {status: _number(counts, status) for status in _ENDS}
        words = [f"{n:,} {DELIVERY_STATUS[s].title}" for s, n in numbers.items() if n]
        said = ", ".join(words) or "nothing"
        columns.append(
            Column(
                label=f"{start:%H:%M}",
                parts=list(numbers.items()),
                title=f"{start:%H:%M} to {start + _HOUR:%H:%M}: {said}"
                + ("" if whole else " (not all counted yet)"),
                whole=whole,
            )
        )
    return draw_columns(columns, every=4)


def _sends_chart(sends: Sends) -> Columns:
    labels = [_short(seconds) for seconds in DURATIONS]
    columns = [
        Column(
            label=label,
            parts=[("sent", accepted), ("failed", others)],
            title=f"{said}: {accepted:,} accepted, {others:,} not",
        )
        for label, said, (accepted, others) in zip(
            [*labels, "more"],
            [*(f"up to {label}" for label in labels), f"more than {labels[-1]}"],
            sends.bars,
            strict=True,
        )
    ]
    return draw_columns(columns, every=2)


def _percentiles(sends: Sends) -> list[tuple[str, str]]:
    if sends.percentiles is None:
        return []
    names = ("half within", "95 % within", "99 % within")
    return [
        (name, spell(timedelta(seconds=seconds)))
        for name, seconds in zip(names, sends.percentiles, strict=True)
    ]


def _causes(day: Any) -> list[Bar]:
    """Dead letters of the last day by cause, the most frequent first."""
    causes = [(code, n) for (s, code), n in day.items() if s == DeliveryStatus.DEAD_LETTER]
    causes.sort(key=lambda cause: -cause[1])
    return draw_bars(
        [
            (code, number, "dead_letter", FAILURE.get(code, ""), f"dead-letters/?failure={code}")
            for code, number in causes
        ]
    )


def _lanes(readings: Readings) -> list[Bar]:
    held = {hold.source for hold in readings.holds}
    rows = []
    for lane in readings.lanes:
        note = f"{_at_most(lane.later)} later" if lane.later else ""
        if lane.source in held:
            note = ", ".join(filter(None, ("held", note)))
        elif lane.since is not None:
            note = ", ".join(filter(None, (f"oldest {spell(readings.now - lane.since)}", note)))
        where = f"deliveries/?source={lane.source}"
        rows.append((SOURCE[lane.source], lane.due, "queued", note, where))
    return draw_bars(rows)


def _process_types(readings: Readings) -> list[tuple[str, list[Any]]]:
    """Every type of the Procfile, with those of it that run."""
    return [
        (process, [row for row in readings.processes if row.type == process])
        for process in ProcessType
    ]


def _at_most(number: int, most: int = MOST_COUNTED) -> str:
    return f"{most:,}+" if number >= most else f"{number:,}"


def _short(seconds: float) -> str:
    return f"{seconds * 1000:g} ms" if seconds < 1 else f"{seconds:g} s"
