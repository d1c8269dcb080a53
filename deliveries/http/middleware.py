"""The one middleware of the API: who may come in, and what every fault looks like from outside."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from deliveries.database import Fault, TransientErrors, describe, fault_of
from deliveries.http.answers import answer_problem
from deliveries.http.endpoints import CALLER
from deliveries.http.problems import Code, Problem
from deliveries.http.tokens import Gate
from deliveries.listing.pages import ReadTooLongError
from deliveries.throttle import Throttle

logger = logging.getLogger(__name__)

PREFIX = "/api/"
# in `request.META`, for the access log
ROUTE, DELIVERY_ID = "mail.route", "mail.delivery_id"
_RETRY_SECONDS = "2"


class ApiMiddleware:
    """Checks Host and token before anything else looks at a request; turns faults into problems."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._gate = Gate(settings.MAIL.internal_api_tokens)
        self._throttle = Throttle()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            self._admit(request)
        except Problem as problem:
            return answer_problem(problem, request)
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, kwargs: dict[str, Any]
    ) -> None:
        if request.resolver_match is not None:
            request.META[ROUTE] = f"/{request.resolver_match.route}"
        if "delivery_id" in kwargs:
            request.META[DELIVERY_ID] = kwargs["delivery_id"]

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not request.path_info.startswith(PREFIX):
            return None
        return answer_problem(self._problem_of(error), request)

    def _admit(self, request: HttpRequest) -> None:
        """Raises Problem: invalid_host, invalid_token."""
        try:
            request.get_host()
        except DisallowedHost:
            raise Problem(
                Code.INVALID_HOST, "the Host header names none of MAIL_ALLOWED_HOSTS"
            ) from None
        if request.path_info.startswith(PREFIX):
            request.META[CALLER] = self._gate.admit(request.META.get("HTTP_AUTHORIZATION"))

    def _problem_of(self, error: Exception) -> Problem:
        if isinstance(error, Problem):
            return error
        if isinstance(error, ReadTooLongError):
            return _later(Code.READ_TOO_LONG, "the read took longer than two seconds: ask for less")
        if isinstance(error, TransientErrors) or _is_of_the_server(error):
            if self._throttle.allow(describe(error)):
                logger.error("PostgreSQL does not serve the API", extra={"fault": describe(error)})
            return _later(Code.DATABASE_UNAVAILABLE, "PostgreSQL does not answer now")
        logger.error("a request failed", exc_info=error)
        return Problem(Code.INTERNAL_ERROR, "the service failed; its log says where")


def _is_of_the_server(error: Exception) -> bool:
    return isinstance(error, DatabaseError) and fault_of(error) is Fault.SERVER


def _later(code: Code, detail: str) -> Problem:
    return Problem(code, detail, headers={"Retry-After": _RETRY_SECONDS})
