"""Every page is read in one transaction that cannot write and cannot take long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from deliveries.database import atomic, describe, sqlstate_of

LONGEST_STATEMENT = timedelta(seconds=2)
_QUERY_CANCELED = "57014"

View = Callable[..., HttpResponseBase]


@contextmanager
def bounded(*, longest: timedelta = LONGEST_STATEMENT, read_only: bool = True) -> Iterator[None]:
    """One transaction, each of whose statements ends after `longest`, by PostgreSQL's hand."""
    milliseconds = longest // timedelta(milliseconds=1)
    with atomic():
        with connection.cursor() as cursor:
            if read_only:
                cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(f"SET LOCAL statement_timeout = {milliseconds:d}")
        yield


def reads(view: View) -> View:
    """A view that reads, with its template, within one bounded transaction.

    A statement that takes too long gives a page that says so, with 503.
    """

    @wraps(view)
    def read(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            with bounded():
                response = view(request, *args, **kwargs)
                render_now = getattr(response, "render", None)
                return render_now() if render_now is not None else response
        except DatabaseError as error:
            if not was_too_slow(error):
                raise
            return render(
                request,
                "console/too_slow.html",
                {"title": "Too slow", "error": describe(error)},
                status=503,
            )

    return read


def was_too_slow(error: BaseException) -> bool:
    return sqlstate_of(error) == _QUERY_CANCELED
