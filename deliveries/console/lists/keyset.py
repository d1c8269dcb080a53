"""Pages by key, in a time that does not depend on how large the table is.

A page without filters is the next rows of the primary key. With a filter, rows that do not match
lie between those that do, and there may be millions of them: one page looks at no more than
`WINDOW` rows, shows what it found there and says how far it looked.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.db.models import BigIntegerField, ExpressionWrapper, F, QuerySet, Value
from django.http import HttpRequest

from deliveries.console.lists.filters import Filter

PAGE = 50
WINDOW = 5_000
OLDER, NEWER = "before", "after"
CURSORS = (OLDER, NEWER)
# as the indexes of a status have it: see the ADR on lists
_BACKWARD = ExpressionWrapper(F("pk") * Value(-1), output_field=BigIntegerField())


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and the keys at which the neighboring pages begin, None at an end.

    `looked_at` is the number of rows that a filter looked through without filling the page, else 0.
    """

    rows: list[Any]
    older: int | None
    newer: int | None
    looked_at: int = 0


def read_page(
    rows: QuerySet[Any],
    *,
    everything: QuerySet[Any] | None,
    before: int | None = None,
    after: int | None = None,
    backward_index: bool = False,
    size: int = PAGE,
    window: int = WINDOW,
) -> Page:
    """The page of `rows` next below key `before`, or next above `after`, or the newest.

    `everything` is what `rows` was filtered from by something that no index finds; None when an
    index finds all of them. `backward_index` says that this index holds the key times -1.
    """
    upward = after is not None
    start = after if upward else before
    way = _Way(upward=upward, backward_index=backward_index)
    edge = None if everything is None else way.edge(everything, start, window)
    found = list(way.rows(rows, start, edge)[: size + 1])
    full = len(found) > size
    found = found[:size]
    onward = int(found[-1].pk) if full else edge
    back = None if start is None else (int(found[0].pk) if found else onward or start)
    looked_at = 0 if full or edge is None else window
    if upward:
        return Page(found[::-1], older=back, newer=onward, looked_at=looked_at)
    return Page(found, older=onward, newer=back, looked_at=looked_at)


@dataclass(frozen=True, slots=True)
class _Way:
    """Through keys downward or upward, in the order of the primary key or of one times -1."""

    upward: bool
    backward_index: bool

    def rows(
        self, rows: QuerySet[Any], start: int | None, edge: int | None = None
    ) -> QuerySet[Any]:
        """Those beyond `start`, as far as `edge`, in order."""
        if start is not None:
            rows = self._bound(rows, "gt" if self.upward else "lt", start)
        if edge is not None:
            rows = self._bound(rows, "lte" if self.upward else "gte", edge)
        if self.backward_index:
            return rows.order_by(_BACKWARD.desc() if self.upward else _BACKWARD.asc())
        return rows.order_by("pk" if self.upward else "-pk")

    def edge(self, everything: QuerySet[Any], start: int | None, window: int) -> int | None:
        """The key of the last of the next `window` rows; None when there are fewer."""
        rows = self.rows(everything.select_related(None), start)
        return next(iter(rows.values_list("pk", flat=True)[window - 1 : window]), None)

    def _bound(self, rows: QuerySet[Any], operator: str, key: int) -> QuerySet[Any]:
        if self.backward_index:
            mirrored = {"gt": "lt", "lt": "gt", "lte": "gte", "gte": "lte"}[operator]
            rows = rows.alias(backward=_BACKWARD)
            operator, key = f"backward__{mirrored}", -key
            return rows.filter(**{operator: key})
        return rows.filter(**{f"pk__{operator}": key})


class KeysetList(ChangeList):
    """A ChangeList that neither counts nor skips. `page` is what it shows."""

    page: Page

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in CURSORS}

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        active = [
            spec
            for spec in self.filter_specs
            if isinstance(spec, Filter) and spec.value() is not None
        ]
        self.has_active_filters = bool(active)
        found_by_index = bool(self.query) or all(spec.is_indexed for spec in active)
        everything: QuerySet[Any] = self.root_queryset
        for spec in active:
            if spec.is_indexed:
                everything = spec.queryset(request, everything)
        self.page = read_page(
            self.queryset,
            everything=None if found_by_index else everything,
            before=_key(request.GET.get(OLDER)),
            after=_key(request.GET.get(NEWER)),
            backward_index=not self.query and any(spec.has_own_index for spec in active),
        )
        self.result_list = self.page.rows
        self.result_count = len(self.page.rows)
        # what else Django's view asks of a list: no "show all", no actions, no total
        self.full_result_count = self.paginator = None
        self.can_show_all = self.multi_page = self.show_admin_actions = False
        self.show_full_result_count = False

    @property
    def older_url(self) -> str | None:
        return self._url(OLDER, self.page.older)

    @property
    def newer_url(self) -> str | None:
        return self._url(NEWER, self.page.newer)

    @property
    def newest_url(self) -> str:
        return str(self.get_query_string(remove=list(CURSORS)))

    def _url(self, cursor: str, key: int | None) -> str | None:
        if key is None:
            return None
        return str(self.get_query_string({cursor: key}, remove=list(CURSORS)))


def _key(text: str | None) -> int | None:
    """A key from the address bar; what is not one leads to the newest page."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > len(str(2**62)):
        return None
    return int(text)
