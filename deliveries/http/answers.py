"""Answers: JSON with times in RFC 3339, and problems."""

import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from deliveries.http.problems import MEDIA_TYPE, Problem
from deliveries.printing import rfc3339

JSON = "application/json"
CODE = "mail.code"  # in `request.META`, for the access log


def answer(value: Any, *, status: int = 200) -> HttpResponse:
    return _respond(value, status=status, media_type=JSON)


def answer_problem(problem: Problem, request: HttpRequest) -> HttpResponse:
    request.META[CODE] = problem.code
    response = _respond(problem.as_json(), status=problem.status, media_type=MEDIA_TYPE)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def _respond(value: Any, *, status: int, media_type: str) -> HttpResponse:
    body = json.dumps(value, default=_time, separators=(",", ":"))
    response = HttpResponse(body, status=status, content_type=media_type)
    response["Content-Length"] = str(len(response.content))
    # answers hold addresses: nobody on the way may keep them, and no browser may guess what they
    # are
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _time(value: Any) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{type(value).__name__} is no value of the API")
