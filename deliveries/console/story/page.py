"""The views of one delivery: its page, and its HTML in a document of its own."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from deliveries.console.secrecy import holds_login_code
from deliveries.console.story import preview
from deliveries.console.story.content import MOST_SHOWN, Content, read_content, write_source
from deliveries.console.story.recipients import recipients_of
from deliveries.console.story.timeline import shown_reply, spell, tell
from deliveries.console.words import DELIVERY_STATUS, FAILURE
from deliveries.intake.texts import is_storable
from deliveries.listing.records import trace_id
from deliveries.models import Attempt, DeadLetter, Delivery


def delivery_page(
    request: HttpRequest, *, delivery_id: str, context: dict[str, Any]
) -> HttpResponse:
    """`context` is what every page of the site shows."""
    delivery = _find(delivery_id)
    if delivery is None:
        return not_found(request, context, f"There is no delivery {delivery_id}.")
    attempts = list(Attempt.objects.filter(delivery=delivery).order_by("attempt_no"))
    dead_letter = DeadLetter.objects.filter(delivery=delivery).first()
    content = read_content(delivery)
    word = DELIVERY_STATUS[delivery.status]
    page = {
        "title": delivery.delivery_id,
        "delivery": delivery,
        "word": word,
        "headline": _headline(delivery, content),
        "summary": FAILURE.get(delivery.last_failure_code or "", "") or word.meaning,
        "reply": shown_reply(delivery.last_provider_summary, delivery),
        "events": tell(delivery=delivery, attempts=attempts, dead_letter=dead_letter),
        "took": spell(delivery.finished_at - delivery.created_at) if delivery.finished_at else "",
        "recipients": recipients_of(delivery=delivery, mailboxes=content.mailboxes),
        "reply_to": content.mailboxes.get("reply_to", ()),
        "content": content,
        "text": content.text[:MOST_SHOWN],
        "cut": len(content.text) > MOST_SHOWN,
        "source": _source(delivery, content, attempts),
        "trace_id": trace_id(delivery.traceparent),
        "now": timezone.now(),
    }
    return render(request, "console/delivery.html", {**context, **page})


def html_page(*, delivery_id: str) -> HttpResponse:
    """How the mail looks, for the frame on its page: see `preview`."""
    delivery = _find(delivery_id)
    content = None if delivery is None else read_content(delivery)
    if content is None or content.html is None:
        return HttpResponse("There is nothing to show.", status=404, content_type="text/plain")
    return HttpResponse(preview.harmless(content.html), headers=preview.HEADERS)


def not_found(request: HttpRequest, context: dict[str, Any], text: str) -> HttpResponse:
    page = {**context, "title": "Not found", "text": text}
    return render(request, "console/not_found.html", page, status=404)


def _find(delivery_id: str) -> Delivery | None:
    if not is_storable(delivery_id):
        return None
    return Delivery.objects.filter(delivery_id=delivery_id).first()


def _headline(delivery: Delivery, content: Content) -> str:
    if content.subject:
        return content.subject
    if holds_login_code(source=delivery.source, template_id=delivery.template_id):
        return "Login code"
    return "No subject" if not content.withheld else "Content gone"


def _source(delivery: Delivery, content: Content, attempts: list[Attempt]) -> str:
    if content.withheld:
        return ""
    last: datetime | None = attempts[-1].started_at if attempts else None
    date = last or delivery.created_at
    try:
        source = write_source(content, delivery=delivery, config=settings.MAIL, date=date)
    except ValueError as error:
        return f"This message cannot be written: {error}."
    return source[:MOST_SHOWN]
