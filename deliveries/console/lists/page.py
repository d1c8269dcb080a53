"""What the lists have in common: they only read, and they turn their pages by key."""

from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path

from deliveries.console.lists.keyset import CURSORS, KeysetList

if TYPE_CHECKING:
    _Page = ModelAdmin[Any]
else:
    _Page = ModelAdmin


class ReadOnlyList(_Page):
    """A list at `route`. Of Django's routes for a model only the list itself is there."""

    route: str
    search_fields = ("pk",)  # only says that there is a search; `get_search_results` does it
    actions = None
    show_full_result_count = False
    list_display_links = None

    def __init__(self, model: type[Model], site: AdminSite) -> None:
        super().__init__(model, site)
        self._filters = {getattr(one, "parameter_name", "") for one in self.list_filter}

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        return [path("", self.admin_site.admin_view(self.changelist_view), name=name)]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetList

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """The rows that `term` names; `term` is not empty."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (self.search(queryset, term) if term else queryset), False

    def lookup_allowed(
        self,
        lookup: str,
        value: str,
        request: HttpRequest | None = None,
    ) -> bool:
        """Only the filters shown, not any field that the address bar may name."""
        return lookup in self._filters or lookup in CURSORS

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}
