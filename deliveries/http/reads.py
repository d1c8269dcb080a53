"""The operators' questions: lists, one delivery, its attempts."""

from functools import partial

from django.http import HttpRequest, HttpResponse

from deliveries.http.answers import answer
from deliveries.http.problems import Code, Problem
from deliveries.http.queries import FILTERS, PAGING, read_filters, read_paging, read_query
from deliveries.intake.command import is_delivery_id
from deliveries.listing.filters import WindowRequiredError, require_window
from deliveries.listing.pages import (
    Page,
    find_delivery,
    list_attempts,
    list_dead_letters,
    list_deliveries,
    list_malformed_commands,
)


def show_deliveries(request: HttpRequest) -> HttpResponse:
    query = read_query(request, known=(*PAGING, *FILTERS))
    filters = read_filters(query)
    paging = read_paging(query)
    try:
        require_window(filters)
    except WindowRequiredError:
        raise Problem(
            Code.WINDOW_REQUIRED,
            "these filters need created_after, and created_before within 24 hours of it or of now",
        ) from None
    return _answer_page(paging.read(partial(list_deliveries, filters=filters)))


def show_dead_letters(request: HttpRequest) -> HttpResponse:
    return _answer_page(read_paging(read_query(request, known=PAGING)).read(list_dead_letters))


def show_malformed_commands(request: HttpRequest) -> HttpResponse:
    query = read_query(request, known=PAGING)
    return _answer_page(read_paging(query).read(list_malformed_commands))


def show_delivery(request: HttpRequest, delivery_id: str) -> HttpResponse:
    read_query(request, known=()).check("the query")
    found = find_delivery(delivery_id) if is_delivery_id(delivery_id) else None
    if found is None:
        raise unknown_delivery()
    return answer(found)


def show_attempts(request: HttpRequest, delivery_id: str) -> HttpResponse:
    read_query(request, known=()).check("the query")
    found = list_attempts(delivery_id) if is_delivery_id(delivery_id) else None
    if found is None:
        raise unknown_delivery()
    return answer({"items": found})


def unknown_delivery() -> Problem:
    return Problem(Code.DELIVERY_NOT_FOUND, "there is no delivery of this id")


def _answer_page(page: Page) -> HttpResponse:
    return answer({"items": page.items, "next_cursor": page.next_cursor})
