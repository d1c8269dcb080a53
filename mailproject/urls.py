"""The routes: the admin's, where it is enabled."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = []

if settings.MAIL.admin_enabled:
    from deliveries.console.registry import site

    urlpatterns += [
        path("admin", RedirectView.as_view(pattern_name="admin:index")),
        path("admin/", site.urls),
    ]
