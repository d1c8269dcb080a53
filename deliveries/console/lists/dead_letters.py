"""The list of dead letters."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from deliveries.console.lists.filters import choice_filter
from deliveries.console.lists.page import ReadOnlyList
from deliveries.console.lists.search import find_deliveries
from deliveries.states import FailureCode, Source


class DeadLetters(ReadOnlyList):
    route = "dead-letters"
    change_list_template = "console/dead_letters.html"
    list_filter = (
        choice_filter(
            title="failure",
            field="failure_code",
            parameter="failure",
            options={code: code for code in FailureCode},
        ),
        choice_filter(
            title="source",
            field="delivery__source",
            parameter="source",
            options={source: source for source in Source},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related("delivery").only(
            "failure_code",
            "reason",
            "attempt_count",
            "recorded_at",
            "delivery__delivery_id",
            "delivery__source",
            "delivery__template_id",
        )

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(pk__in=find_deliveries(term))
