"""One path: its methods, and the scope that each of them needs."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBase

from deliveries.conf import TokenScope
from deliveries.database import is_link_lost
from deliveries.http.problems import Code, Problem

CALLER = "mail.caller"  # in `request.META`, for the views and the access log

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Operation:
    view: View
    scope: TokenScope = TokenScope.OPERATE


def endpoint(**methods: Operation) -> View:
    """A view of these methods and of no other: GET is not HEAD, and nothing answers OPTIONS."""
    allow = ", ".join(sorted(methods))

    def view(request: HttpRequest, **arguments: str) -> HttpResponseBase:
        operation = methods.get(request.method or "")
        if operation is None:
            raise Problem(
                Code.METHOD_NOT_ALLOWED, f"this path takes {allow}", headers={"Allow": allow}
            )
        request.META[CALLER].require(operation.scope)
        try:
            return operation.view(request, **arguments)
        except DatabaseError as error:
            if not is_link_lost(error):
                raise
        # The thread's session had ended meanwhile. All that a view does may be done twice: it
        # reads, or it writes under the caller's key.
        connection.close()
        return operation.view(request, **arguments)

    return view
