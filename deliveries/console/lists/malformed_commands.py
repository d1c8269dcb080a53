"""The list of stream entries that were not accepted, and the page of one."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from deliveries.console.lists.filters import choice_filter, period_filter
from deliveries.console.lists.page import ReadOnlyList
from deliveries.console.story.page import not_found
from deliveries.intake.rejection import RejectionCode
from deliveries.intake.texts import is_storable
from deliveries.models import MalformedCommand

# The rest may hold content, and so a login code: `manage.py malformed_commands` shows it to those
# who may see everything.
_SHOWN = frozenset(
    {
        "delivery_id",
        "source",
        "payload_mode",
        "idempotency_key",
        "requested_at_ms",
        "request_id",
        "traceparent",
        "tracestate",
    }
)
_MOST_CHARACTERS = 300


class MalformedCommands(ReadOnlyList):
    route = "malformed-commands"
    change_list_template = "console/malformed_commands.html"
    list_filter = (
        choice_filter(
            title="failure",
            field="failure_code",
            parameter="failure",
            options={code: code for code in RejectionCode},
        ),
        period_filter(field="recorded_at"),
    )

    def get_urls(self) -> list[URLPattern]:
        one = self.admin_site.admin_view(self.command_view)
        return [*super().get_urls(), path("<int:key>/", one, name="malformed_command")]

    def command_view(self, request: HttpRequest, key: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self.admin_site.each_context(request)
        command = MalformedCommand.objects.filter(pk=key).first() if key < 2**63 else None
        if command is None:
            return not_found(request, context, "There is no such malformed command.")
        page = {
            "title": f"Malformed command {command.stream_entry_id}",
            "command": command,
            "fields": None if command.raw_fields is None else list(_shown(command.raw_fields)),
        }
        return render(request, "console/malformed_command.html", {**context, **page})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("raw_fields")

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        if not is_storable(term):
            return queryset.none()
        return queryset.filter(Q(delivery_id=term) | Q(stream_entry_id=term))


def _shown(raw: Sequence[Any]) -> Iterator[tuple[str, int, str | None]]:
    """Each field: its name, its length in bytes, its value where it may be shown."""
    for name, value in zip(raw[::2], raw[1::2], strict=False):
        text = bytes(name).decode("utf-8", "replace")[:_MOST_CHARACTERS]
        shown = bytes(value).decode("utf-8", "replace")[:_MOST_CHARACTERS]
        yield text, len(value), shown if text in _SHOWN else None
