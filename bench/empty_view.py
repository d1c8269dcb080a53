"""The service's own settings and routes, and one view beside them that does nothing.

`DJANGO_SETTINGS_MODULE=bench.empty_view` for `manage.py serve`: the same gunicorn, the same
middleware, the same process.
"""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from mailproject.settings import *  # noqa: F403 - all of them, but for the routes

ROOT_URLCONF = "bench.empty_view"


def empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json", headers={"Content-Length": "2"})


urlpatterns = [path("empty", empty), path("", include("mailproject.urls"))]
