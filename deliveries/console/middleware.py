"""What surrounds the admin's routes, and no other: session, user, headers that lock a page down."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from deliveries.console.faults import fault_page
from deliveries.console.settings import PREFIX

Handler = Callable[[HttpRequest], HttpResponseBase]

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "X-Frame-Options": "DENY",
}


class ConsoleMiddleware:
    """Django's session and authentication for requests under `/admin/`; others pass untouched.

    CSRF needs no middleware: the admin's views carry the decorator.
    """

    def __init__(self, get_response: Handler) -> None:
        self._others = get_response
        inner: Any = get_response
        for layer in (AuthenticationMiddleware, SessionMiddleware):
            inner = convert_exception_to_response(layer(inner))
        self._console: Handler = inner

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self._others(request)
        request.get_host()  # refuses a Host that is not ours before anything is looked up
        response = self._console(request)
        _lock_down(request, response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Faults of the admin's views become its pages; the API has its own way."""
        return fault_page(request, error) if request.path_info.startswith(PREFIX) else None


def _lock_down(request: HttpRequest, response: HttpResponseBase) -> None:
    """A view may have set a header of its own, such as the policy of a preview."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if isinstance(response, HttpResponse) and request.is_secure():
        # a TLS proxy stands in front of a loopback listener
        for cookie in response.cookies.values():
            cookie["secure"] = True
