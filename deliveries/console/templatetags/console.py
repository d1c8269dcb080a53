"""How the pages write times, lengths of time, states and recipients."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from deliveries.console.story.timeline import shown_reply, spell
from deliveries.console.words import ATTEMPT_STATUS, DELIVERY_STATUS, Word

register = template.Library()


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """A time in UTC, short, with all of it where the pointer rests."""
    if at is None:
        return "-"
    at = at.astimezone(UTC)
    year = "" if at.year == timezone.now().year else f" {at.year}"
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        at.isoformat(timespec="milliseconds"),
        f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}",
        f"{at.day} {at:%b}{year} {at:%H:%M:%S}",
    )


@register.filter
def ago(at: datetime | None) -> str:
    """How long ago, or how far ahead."""
    if at is None:
        return ""
    age = timezone.now() - at
    return f"{spell(age)} ago" if age.total_seconds() >= 0 else f"in {spell(-age)}"


@register.filter
def took(row: Any) -> str:
    """How long an attempt took."""
    if row.started_at is None or row.finished_at is None:
        return ""
    return spell(row.finished_at - row.started_at)


@register.filter
def delivery_badge(status: str) -> SafeString:
    return _badge(DELIVERY_STATUS[status])


@register.filter
def attempt_badge(status: str) -> SafeString:
    return _badge(ATTEMPT_STATUS[status])


@register.filter
def first_recipient(delivery: Any) -> str:
    """The first address of a delivery, and how many more there are."""
    payload = getattr(delivery, "deliverypayload", None)
    if payload is None:
        return ""
    groups = (payload.mailboxes.get(role, ()) for role in ("to", "cc", "bcc"))
    everyone = [mailbox["email"] for group in groups for mailbox in group]
    if not everyone:
        return ""
    return everyone[0] if len(everyone) == 1 else f"{everyone[0]} +{len(everyone) - 1}"


@register.filter
def reply_of(entry: Any) -> str:
    """Why a dead letter is one, masked where it belongs to a login code."""
    return shown_reply(entry.reason, entry.delivery)


def _badge(word: Word) -> SafeString:
    return format_html(
        '<span class="badge tone-{}" title="{}">{}</span>', word.tone, word.meaning, word.title
    )
