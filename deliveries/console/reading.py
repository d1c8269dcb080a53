"""Every page is read in one transaction that cannot write and cannot take long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from deliveries.database import atomic

LONGEST_STATEMENT = timedelta(seconds=2)

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
    """A view that reads, with its template, within one bounded transaction."""

    @wraps(view)
    def read(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with bounded():
            response = view(request, *args, **kwargs)
            render_now = getattr(response, "render", None)
            answer: HttpResponseBase = render_now() if render_now is not None else response
            return answer

    return read
