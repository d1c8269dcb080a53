"""The routes: the internal API, and the admin where it is enabled."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/internal/", include("deliveries.http.urls")),
]

if settings.MAIL.admin_enabled:
    from deliveries.console.registry import site

    urlpatterns += [
        path("admin", RedirectView.as_view(pattern_name="admin:index")),
        path("admin/", site.urls),
    ]

handler400 = "deliveries.http.errors.bad_request"
handler403 = "deliveries.http.errors.forbidden"
handler404 = "deliveries.http.errors.not_found"
handler500 = "deliveries.http.errors.failed"
