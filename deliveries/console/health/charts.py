"""Pictures as plain geometry, which the templates write as SVG. Pure.

A picture is 480 units wide, so that its letters can be read on a phone too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 480.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 4.0, 8.0, 20.0
_GAP = 0.22  # of a column's width
_LEAST = 2.5  # height of what is not nothing


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its label, its parts from the bottom up as (tone, number), and what is said."""

    label: str
    parts: Sequence[tuple[str, int]]
    title: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A letter on an axis, and for the upright one its line."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Stack:
    boxes: tuple[Box, ...]
    area: Box
    title: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Columns:
    """A picture of stacked columns. `rows` says the same in words, for those who do not see it."""

    width: float
    height: float
    stacks: tuple[Stack, ...]
    labels: tuple[Mark, ...]
    levels: tuple[Mark, ...]
    rows: tuple[tuple[str, str], ...]
    empty: bool


def draw_columns(columns: Sequence[Column], *, height: float = 170.0, every: int = 1) -> Columns:
    """`every` is how many columns share one label."""
    most = max((sum(n for _, n in column.parts) for column in columns), default=0)
    top = nice_top(most)
    floor, room = height - _BOTTOM, height - _BOTTOM - _TOP
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(columns))
    stacks, labels = [], []
    for place, column in enumerate(columns):
        x = _LEFT + place * step
        boxes, y = [], floor
        for tone, number in column.parts:
            if number:
                tall = max(_LEAST, number / top * room)
                y -= tall
                boxes.append(
                    Box(
                        round(x + step * _GAP / 2, 1),
                        round(y, 1),
                        round(step * (1 - _GAP), 1),
                        round(tall, 1),
                        tone,
                    )
                )
        area = Box(round(x, 1), _TOP, round(step, 1), room, "")
        stacks.append(Stack(tuple(boxes), area, column.title, column.whole))
        if place % every == 0:
            labels.append(Mark(round(x + step / 2, 1), height - 5, column.label))
    levels = [
        Mark(_LEFT, round(floor - share * room, 1), short_number(top * share))
        for share in (0.0, 0.5, 1.0)
    ]
    rows = tuple((column.label, column.title) for column in columns)
    return Columns(
        WIDTH, height, tuple(stacks), tuple(labels), tuple(levels), rows, empty=most == 0
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """One lying bar with its words; `width` in percent of the longest."""

    label: str
    number: int
    width: float
    tone: str
    note: str = ""
    where: str = ""


def draw_bars(rows: Sequence[tuple[str, int, str, str, str]]) -> list[Bar]:
    """`rows` are (label, number, tone, note, where), in the order in which they are shown."""
    most = max((number for _, number, *_ in rows), default=0)
    return [
        Bar(label, number, round(100 * number / most, 1) if most else 0.0, tone, note, where)
        for label, number, tone, note, where in rows
    ]


def nice_top(most: int) -> int:
    """The least round number that is not below `most` and whose half is a whole one.

    >>> [nice_top(n) for n in (0, 3, 10, 11, 58, 399)]
    [2, 4, 10, 20, 60, 400]
    """
    if most <= 2:
        return 2
    power = int(10 ** math.floor(math.log10(most)))
    tops = (power * factor for factor in (1, 2, 3, 4, 6, 8, 10))
    return next(top for top in tops if top >= most and top % 2 == 0)


def short_number(number: float) -> str:
    """At most four characters.

    >>> [short_number(n) for n in (0, 950, 1500, 20_000, 3_000_000)]
    ['0', '950', '1.5k', '20k', '3M']
    """
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:g}"
