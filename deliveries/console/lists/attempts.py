"""The list of attempts."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from deliveries.console.lists.filters import choice_filter, period_filter
from deliveries.console.lists.page import ReadOnlyList
from deliveries.console.lists.search import find_deliveries
from deliveries.console.words import ATTEMPT_STATUS
from deliveries.states import AttemptStatus, FailureCode, Phase

# what the index console_attempts_troubled holds
_INDEXED = frozenset(
    {
        AttemptStatus.PROVIDER_REJECTED.value,
        AttemptStatus.TRANSPORT_FAILED.value,
        AttemptStatus.TIMED_OUT.value,
    }
)


class Attempts(ReadOnlyList):
    route = "attempts"
    change_list_template = "console/attempts.html"
    list_filter = (
        choice_filter(
            title="status",
            field="status",
            options={status: ATTEMPT_STATUS[status].title for status in ATTEMPT_STATUS},
            indexed=_INDEXED,
        ),
        choice_filter(
            title="failure",
            field="failure_code",
            parameter="failure",
            options={code: code for code in FailureCode},
        ),
        choice_filter(title="phase", field="phase", options={phase: phase for phase in Phase}),
        choice_filter(
            title="outcome",
            field="outcome_unknown",
            parameter="unknown",
            options={"True": "unknown"},
        ),
        period_filter(field="scheduled_for"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related("delivery").only(
            "attempt_no",
            "status",
            "scheduled_for",
            "started_at",
            "finished_at",
            "phase",
            "outcome_unknown",
            "failure_code",
            "smtp_code",
            "enhanced_code",
            "delivery__delivery_id",
            "delivery__source",
        )

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(delivery_id__in=find_deliveries(term))
