"""How much work and memory one rendering may take.

A template is reviewed like code; what a command brings is not. The bounds hold whatever the
variables are: steps of loops and calls are counted, and nothing that an expression, a macro or a
part builds may outgrow LONGEST.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from jinja2 import pass_context, pass_eval_context
from jinja2.filters import FILTERS
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Undefined

from deliveries.catalog.errors import ExpressionError

Value: TypeAlias = Any  # whatever an expression may come to

LONGEST = 5 * 1024 * 1024  # characters of one text, bytes of one part
STEPS = 100_000  # loop items, operations and calls in one part
CALL = 10  # steps; a call takes about that much longer
LARGEST_POWER_BITS = 4096

# Not an identifier, so that no template can name it.
BUDGET = "(budget)"
COUNTED = "(counted)"


class Budget:
    """The steps left to one part."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = STEPS

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise ExpressionError(f"its loops and calls take more than {STEPS:,} steps")


def spend(context: Context, steps: int) -> None:
    context.parent[BUDGET].spend(steps)


@pass_context
def counted(context: Context, items: Iterable[Value]) -> Iterable[Value]:
    """What a loop runs over, charged to the budget. Every loop is compiled to ask for it."""
    if isinstance(items, str | list | tuple | dict | range):
        spend(context, len(items))
        return items
    if isinstance(items, Undefined):
        return items
    return _one_by_one(context, items)


def _one_by_one(context: Context, items: Iterable[Value]) -> Iterator[Value]:
    for item in items:
        spend(context, 1)
        yield item


def refuse_too_long(length: int) -> None:
    if length > LONGEST:
        raise ExpressionError(f"it grows beyond {LONGEST:,} characters")


def concat(pieces: Iterable[str]) -> str:
    """Joins what a macro or a block has written."""
    written = list(pieces)
    refuse_too_long(sum(map(len, written)))
    return "".join(written)


def multiply(left: Value, right: Value) -> Value:
    for repeated, times in ((left, right), (right, left)):
        if isinstance(repeated, str | list | tuple) and isinstance(times, int):
            refuse_too_long(len(repeated) * times)
    return left * right


def power(base: Value, exponent: Value) -> Value:
    if isinstance(base, int) and isinstance(exponent, int):
        if exponent < 0:
            return float(base) ** exponent
        if base.bit_length() * exponent > LARGEST_POWER_BITS:
            raise ExpressionError("a power is too large")
    return base**exponent


@pass_eval_context
def replace(
    eval_context: EvalContext, value: Value, old: Value, new: Value, count: int | None = None
) -> Value:
    """Jinja's filter, refused where the result would be too long."""
    text, sought = str(value), str(old)
    refuse_too_long(len(text) + text.count(sought) * len(str(new)))
    return FILTERS["replace"](eval_context, value, old, new, count)


@pass_eval_context
def join(
    eval_context: EvalContext, value: Iterable[Value], d: str = "", attribute: str | None = None
) -> Value:
    """Jinja's filter, refused where the result would be too long."""
    items = list(value)
    refuse_too_long(len(items) * len(str(d)))
    return FILTERS["join"](eval_context, items, d, attribute)
