"""The ids that log lines of this thread carry: those of the span whose work it does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Ids = dict[str, str]
AskForIds = Callable[[], Ids]

# Asked for only when a line is written, which is rare; None where no span is active.
_current: ContextVar[AskForIds | None] = ContextVar("otel_ids", default=None)
# What else may know of an active span: set while an SDK runs whose spans are active in it.
_others: list[AskForIds] = []


def ids_of(trace_id: bytes, span_id: bytes) -> Ids:
    return {"otel_trace_id": trace_id.hex(), "otel_span_id": span_id.hex()}


def current_ids() -> Ids:
    """Empty where no span is active."""
    ask = _current.get()
    if ask is not None:
        return ask()
    for other in _others:
        if found := other():
            return found
    return {}


def ask_also(other: AskForIds) -> None:
    _others[:] = [other]


def ask_nobody_else() -> None:
    _others.clear()


@contextmanager
def active(ids: AskForIds) -> Iterator[None]:
    """Log lines within carry what `ids` answers."""
    token = _current.set(ids)
    try:
        yield
    finally:
        _current.reset(token)
