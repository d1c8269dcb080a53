"""The story of a delivery, top to bottom. Pure: rows in, events out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deliveries.console.secrecy import holds_login_code
from deliveries.console.words import ATTEMPT_STATUS, DELIVERY_STATUS, FAILURE, PHASE, SOURCE, Tone
from deliveries.outcome.masking import mask_reply
from deliveries.states import TERMINAL, AttemptStatus, DeliveryStatus, PayloadMode

_SECOND_MS, _MINUTE = 1000, 60
_TERMINAL = {status.value for status in TERMINAL}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, or will. `reply` is what the relay said, word for word."""

    at: datetime
    title: str
    tone: Tone
    text: str = ""
    reply: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    recipients: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    ahead: bool = False


def tell(*, delivery: Any, attempts: Sequence[Any], dead_letter: Any | None) -> list[Event]:
    """`delivery`, `attempts` (oldest first) and `dead_letter` are rows of the tables."""
    return [
        _accepted(delivery),
        *_rendered(delivery),
        *_postponed(delivery),
        *(_attempt(attempt, delivery) for attempt in attempts),
        *_ahead(delivery),
        *_end(delivery, dead_letter),
    ]


def _accepted(delivery: Any) -> Event:
    asked = delivery.created_at - delivery.requested_at
    text = f"Source {delivery.source} ({SOURCE[delivery.source]})"
    if asked >= timedelta(seconds=1):
        text += f", asked for {spell(asked)} before"
    return Event(delivery.created_at, "Accepted", Tone.QUIET, f"{text}.")


def _rendered(delivery: Any) -> Iterator[Event]:
    if delivery.payload_mode != PayloadMode.TEMPLATE or delivery.rendered_at is None:
        return
    text = f"From {delivery.template_id}, in {delivery.locale_used}"
    if delivery.locale != delivery.locale_used:
        text += f" for lack of {delivery.locale}"
    yield Event(delivery.rendered_at, "Rendered", Tone.QUIET, f"{text}.")


def _postponed(delivery: Any) -> Iterator[Event]:
    if delivery.send_at is not None and delivery.send_at > delivery.created_at:
        yield Event(delivery.send_at, "May be sent from here on", Tone.QUIET)


def _attempt(attempt: Any, delivery: Any) -> Event:
    word = ATTEMPT_STATUS[attempt.status]
    begun = attempt.started_at or attempt.scheduled_for
    return Event(
        at=begun,
        title=f"Attempt {attempt.attempt_no}: {word.title}",
        tone=word.tone,
        text=" ".join(_attempt_sentences(attempt)),
        reply=shown_reply(attempt.provider_summary, delivery),
        facts=tuple(_attempt_facts(attempt)),
        recipients=tuple(attempt.recipients or ()) if _worth_listing(attempt) else (),
        ahead=attempt.status == AttemptStatus.SCHEDULED,
    )


def _attempt_sentences(attempt: Any) -> Iterator[str]:
    yield FAILURE.get(attempt.failure_code or "", ATTEMPT_STATUS[attempt.status].meaning)
    if attempt.outcome_unknown:
        yield "Nobody knows whether the relay took it."


def _attempt_facts(attempt: Any) -> Iterator[tuple[str, str]]:
    if attempt.phase is not None and attempt.failure_code is not None:
        yield "ended", PHASE.get(attempt.phase, attempt.phase)
    if attempt.failure_code is not None:
        yield "code", attempt.failure_code
    if attempt.smtp_code is not None:
        codes = (str(attempt.smtp_code), attempt.enhanced_code)
        yield "reply", " ".join(filter(None, codes))
    if attempt.started_at is not None and attempt.finished_at is not None:
        yield "took", spell(attempt.finished_at - attempt.started_at)
    if attempt.started_at is not None and attempt.started_at > attempt.scheduled_for:
        yield "waited for a worker", spell(attempt.started_at - attempt.scheduled_for)
    if attempt.worker_id is not None:
        yield "process", str(attempt.worker_id)


def _worth_listing(attempt: Any) -> bool:
    recipients = attempt.recipients or ()
    return len(recipients) > 1 or any(r.get("outcome") != "accepted" for r in recipients)


def _ahead(delivery: Any) -> Iterator[Event]:
    if delivery.status in _TERMINAL:
        return
    if delivery.next_attempt_at is not None:
        title = "Next attempt" if delivery.attempt_count else "First attempt"
        yield Event(delivery.next_attempt_at, f"{title} due", Tone.WAIT, ahead=True)
    if delivery.expires_at is not None:
        text = "Nothing starts after this."
        yield Event(delivery.expires_at, "Expires", Tone.QUIET, text, ahead=True)


def _end(delivery: Any, dead_letter: Any | None) -> Iterator[Event]:
    if delivery.finished_at is None:
        return
    word = DELIVERY_STATUS[delivery.status]
    text = word.meaning
    if delivery.status == DeliveryStatus.FAILED and delivery.last_failure_code is not None:
        text = FAILURE.get(delivery.last_failure_code, text)
    if delivery.status == DeliveryStatus.SENT and delivery.recipients_refused:
        text = "The relay accepted it for some of its recipients."
    facts = []
    if dead_letter is not None:
        facts = [("code", dead_letter.failure_code), ("attempts", str(dead_letter.attempt_count))]
    elif delivery.last_failure_code is not None:
        facts = [("code", delivery.last_failure_code)]
    yield Event(
        delivery.finished_at,
        _capital(word.title),
        word.tone,
        text,
        reply=shown_reply(dead_letter.reason, delivery) if dead_letter is not None else "",
        facts=tuple(facts),
    )


def shown_reply(text: str | None, delivery: Any) -> str:
    """A relay's words, masked where they may repeat a login code."""
    if not text:
        return ""
    secret = holds_login_code(source=delivery.source, template_id=delivery.template_id)
    return mask_reply(text) if secret else text


def spell(length: timedelta) -> str:
    """A length of time in its two largest units, or one with a fraction: `340 ms`, `2.4 s`."""
    seconds = max(0.0, length.total_seconds())
    if round(seconds * 1000) < _SECOND_MS:
        return f"{round(seconds * 1000)} ms"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    minutes = round(seconds / _MINUTE)
    hours, days = minutes // 60, minutes // (24 * 60)
    if not hours:
        return f"{minutes} min"
    return f"{days} d {hours % 24} h" if days > 1 else f"{hours} h {minutes % 60} min"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
