"""The admin site: its routes, who may see them, and the rule that every one of them only reads."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path, re_path, reverse
from django.views.decorators.http import require_safe

from deliveries.console.assets import SITE, frame_context, serve_asset
from deliveries.console.health.page import front_page
from deliveries.console.lists.page import ReadOnlyList
from deliveries.console.login import LoginForm
from deliveries.console.reading import reads
from deliveries.console.story.page import not_found

_SECTIONS = (
    ("Overview", "admin:index"),
    ("Deliveries", "admin:deliveries_delivery_changelist"),
    ("Attempts", "admin:deliveries_attempt_changelist"),
    ("Dead letters", "admin:deliveries_deadletter_changelist"),
    ("Malformed", "admin:deliveries_malformedcommand_changelist"),
)


class ConsoleSite(AdminSite):
    """Django's site with the routes that write left out: no password change, no history, no add."""

    site_header = site_title = SITE
    login_form = LoginForm
    login_template = "console/login.html"
    logout_template = "console/logged_out.html"

    def admin_view(
        self,
        view: Callable[..., HttpResponseBase],
        cacheable: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> Any:
        """For staff only, GET and HEAD only, in one bounded transaction that cannot write."""
        return super().admin_view(require_safe(reads(view)), cacheable)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().login(request, {"title": "Log in", **(extra_context or {})})
        form = getattr(response, "context_data", {}).get("form")
        wait = getattr(form, "wait", None)
        if wait is not None:
            response.status_code = 429
            response.headers["Retry-After"] = str(max(1, round(wait.total_seconds())))
        return response

    def get_urls(self) -> list[URLPattern | URLResolver]:
        lists: list[URLPattern | URLResolver] = [
            path(f"{page.route}/", include(page.get_urls()))
            for page in self._registry.values()
            if isinstance(page, ReadOnlyList)
        ]
        return [
            path("", super().admin_view(require_safe(self.index)), name="index"),
            path("login/", self.login, name="login"),
            path("logout/", super().admin_view(self.logout), name="logout"),
            path("assets/<str:name>", serve_asset, name="asset"),
            *lists,
            re_path(r"(?P<url>.*)$", self.admin_view(self.catch_all_view)),
        ]

    def catch_all_view(self, request: HttpRequest, url: str) -> Any:
        try:
            return super().catch_all_view(request, url)
        except Http404:
            return not_found(request, self.each_context(request), "There is no such page.")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return front_page(request, {**self.each_context(request), **(extra_context or {})})

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page shows. Django's own list of applications is not among it."""
        here = request.path
        sections = [(title, reverse(name)) for title, name in _SECTIONS]
        home = sections[0][1]
        return {
            **frame_context(),
            "sections": [
                (title, url, here == url if url == home else here.startswith(url))
                for title, url in sections
            ],
        }
