"""Filters whose choices are known without asking the database."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

# Keys are drawn within the transaction whose beginning is the row's time: they follow it except for
# the length of a transaction, and for what the clock of the database is set back.
_SLACK = timedelta(minutes=5)


class Filter(SimpleListFilter):
    """`field` is looked up for the chosen one of `options`, value to label."""

    field: str
    options: Mapping[str, str]

    def value(self) -> str | None:
        """The chosen value; the form sends "" where none is chosen."""
        return super().value() or None

    def lookups(
        self,
        request: HttpRequest,
        model_admin: Any,
    ) -> list[tuple[str, str]]:
        return list(self.options.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(**{self.field: value}) if value in self.options else queryset.none()

    @property
    def is_indexed(self) -> bool:
        """Whether an index finds the rows of the chosen value in the order of their keys."""
        return self.has_own_index

    @property
    def has_own_index(self) -> bool:
        """Whether that index holds the value and the key times -1."""
        return False


def choice_filter(
    *,
    title: str,
    field: str,
    options: Mapping[str, str],
    parameter: str | None = None,
    indexed: frozenset[str] = frozenset(),
) -> type[Filter]:
    """A filter over a closed set; `indexed` are the values that a partial index is made for."""

    class Choice(Filter):
        has_own_index = property(lambda self: self.value() in indexed)

    Choice.title, Choice.field, Choice.options = title, field, options
    Choice.parameter_name = parameter or field
    return Choice


def period_filter(*, field: str) -> type[Filter]:
    """What is not older than a period, by `field`, a time that grows with the key."""

    class Period(Filter):
        title = "when"
        parameter_name = "since"
        options = {name: label for name, (label, _) in _PERIODS.items()}
        is_indexed = property(lambda self: self.value() in _PERIODS)

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = self.value()
            if value is None:
                return queryset
            if value not in _PERIODS:
                return queryset.none()
            moment = timezone.now() - _PERIODS[value][1]
            first = first_key_since(queryset.model._default_manager.all(), field, moment)
            return queryset.filter(**{"pk__gte": first, f"{field}__gte": moment})

    return Period


_PERIODS = {
    "15m": ("last 15 minutes", timedelta(minutes=15)),
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(hours=24)),
    "7d": ("last 7 days", timedelta(days=7)),
}


def first_key_since(rows: QuerySet[Any], field: str, moment: datetime) -> int:
    """A key below which `field` is older than `moment`, found by halving: one look-up per step.

    Needs no index on the time. Keys and times may be out of step by some minutes.
    """
    moment -= _SLACK
    ends = [rows.order_by(order).values_list("pk", flat=True).first() for order in ("pk", "-pk")]
    if ends[0] is None or ends[1] is None:
        return 0
    low, high = int(ends[0]), int(ends[1])
    while low < high:
        middle = (low + high) // 2
        key, at = rows.filter(pk__gte=middle).order_by("pk").values_list("pk", field)[:1][0]
        if at < moment:
            low = int(key) + 1
        else:
            high = middle
    return low
