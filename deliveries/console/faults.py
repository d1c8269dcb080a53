"""What went wrong, as a page: no permission, a read that took too long, a database that is away."""

import logging

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from deliveries.console.assets import frame_context
from deliveries.database import describe, is_cancelled

logger = logging.getLogger(__name__)


def fault_page(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """The page for `error`; None for a defect, which is Django's to log and to answer."""
    if isinstance(error, PermissionDenied):
        return _page(request, "You may not see this", status=403)
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    logger.error("PostgreSQL does not serve the admin", extra={"fault": describe(error)})
    if is_cancelled(error):
        return _page(
            request,
            "This took too long",
            "The database did not answer within two seconds, and the page was given up, so that it"
            " does not slow the sending down.",
            "Try again, or narrow it: search for an id, a recipient, a key or a trace.",
            status=503,
        )
    return _page(
        request,
        "The database does not answer",
        "Try again in a moment.",
        describe(error),
        status=503,
    )


def _page(request: HttpRequest, title: str, *texts: str, status: int) -> HttpResponse:
    context = {**frame_context(), "title": title, "texts": texts}
    return render(request, "console/fault.html", context, status=status)
