"""The ids that log lines of this thread carry: those of the span whose work it does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Ids = dict[str, str]

_current: ContextVar[Ids | None] = ContextVar("otel_ids", default=None)
# What else may know of an active span: set while an SDK runs whose spans are active in it.
_others: list[Callable[[], Ids]] = []


def ids_of(trace_id: int, span_id: int) -> Ids:
    return {"otel_trace_id": f"{trace_id:032x}", "otel_span_id": f"{span_id:016x}"}


def current_ids() -> Ids:
    """Empty where no span is active."""
    ids = _current.get()
    if ids is not None:
        return ids
    for other in _others:
        if found := other():
            return found
    return {}


def ask_also(other: Callable[[], Ids]) -> None:
    _others[:] = [other]


def ask_nobody_else() -> None:
    _others.clear()


@contextmanager
def active(ids: Ids) -> Iterator[None]:
    """Log lines within carry `ids`."""
    token = _current.set(ids or None)
    try:
        yield
    finally:
        _current.reset(token)
