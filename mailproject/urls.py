"""The routes: the internal API, and nothing beside it that is not asked for."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/internal/", include("deliveries.http.urls")),
]

handler400 = "deliveries.http.errors.bad_request"
handler403 = "deliveries.http.errors.forbidden"
handler404 = "deliveries.http.errors.not_found"
handler500 = "deliveries.http.errors.failed"
