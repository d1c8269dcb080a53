"""The list of deliveries, and the way to one."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from deliveries.console.lists.filters import choice_filter, period_filter
from deliveries.console.lists.page import ReadOnlyList
from deliveries.console.lists.search import find_deliveries
from deliveries.console.story.page import delivery_page, html_page
from deliveries.console.words import DELIVERY_STATUS, FAILURE
from deliveries.states import DeliveryStatus, FailureCode, Source

# what the index deliveries_status holds
_INDEXED = frozenset(
    {
        DeliveryStatus.QUEUED.value,
        DeliveryStatus.RENDERED.value,
        DeliveryStatus.SUPPRESSED.value,
        DeliveryStatus.FAILED.value,
        DeliveryStatus.DEAD_LETTER.value,
    }
)


class Deliveries(ReadOnlyList):
    route = "deliveries"
    change_list_template = "console/deliveries.html"
    list_filter = (
        choice_filter(
            title="status",
            field="status",
            options={status: DELIVERY_STATUS[status].title for status in DELIVERY_STATUS},
            indexed=_INDEXED,
        ),
        choice_filter(title="source", field="source", options={s: s for s in Source}),
        choice_filter(
            title="failure",
            field="last_failure_code",
            parameter="failure",
            options={code: code for code in FailureCode if code in FAILURE},
        ),
        period_filter(field="created_at"),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            *super().get_urls(),
            path("<str:delivery_id>/", view(self.delivery_view), name="delivery"),
            path("<str:delivery_id>/html/", view(self.html_view), name="delivery_html"),
        ]

    def delivery_view(self, request: HttpRequest, delivery_id: str) -> HttpResponse:
        self._check(request)
        context = self.admin_site.each_context(request)
        return delivery_page(request, delivery_id=delivery_id, context=context)

    def html_view(self, request: HttpRequest, delivery_id: str) -> HttpResponse:
        self._check(request)
        return html_page(delivery_id=delivery_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related("deliverypayload").only(
            "delivery_id",
            "source",
            "template_id",
            "status",
            "attempt_count",
            "last_failure_code",
            "created_at",
            "finished_at",
            "next_attempt_at",
            "deliverypayload__mailboxes",
        )

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(pk__in=find_deliveries(term))

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied
