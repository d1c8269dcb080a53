"""What Django answers by itself, where no view was found or reached: the same problems.

Django passes the exception by that name; nothing of it is told.
"""

from django.http import HttpRequest, HttpResponse

from deliveries.http.answers import answer_problem
from deliveries.http.problems import Code, Problem


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    return answer_problem(Problem(Code.INVALID_REQUEST, "the request cannot be read"), request)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    return answer_problem(Problem(Code.INSUFFICIENT_SCOPE, "you may not see this"), request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    return answer_problem(Problem(Code.NOT_FOUND, "there is no such path"), request)


def failed(request: HttpRequest) -> HttpResponse:
    return answer_problem(
        Problem(Code.INTERNAL_ERROR, "the service failed; its log says where"), request
    )
