"""What the demo asks for: commands of both modes, one that cannot be accepted, and login codes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deliveries.producer import Attachment, LoginCode, Mailbox, RenderedMail, TemplateMail

_SEND_LATER = timedelta(seconds=3)

_HTML = """<!doctype html>
<html lang="de"><body style="font-family: sans-serif">
<p>Liebe Frau Jäger,</p>
<p>Ihr Platz ist <strong>bestätigt</strong>: Donnerstag, 9&nbsp;Uhr, Saal&nbsp;2.</p>
</body></html>
"""
_TEXT_DE = "Liebe Frau Jäger,\n\nIhr Platz ist bestätigt: Donnerstag, 9 Uhr, Saal 2.\n"
_CSV = b"day,visits\n2026-03-02,118\n2026-03-03,97\n"


@dataclass(frozen=True, slots=True)
class Specimen:
    """One command and what is to become of it: mail to `recipients`, or a failure code."""

    delivery_id: str
    mail: RenderedMail | TemplateMail
    recipients: tuple[str, ...] = ()
    failure_code: str | None = None

    @property
    def idempotency_key(self) -> str:
        return f"demo:{self.delivery_id}"


@dataclass(frozen=True, slots=True)
class LoginSpecimen:
    """A login code to be posted. Those with the same key and content are one delivery."""

    name: str
    login_code: LoginCode
    idempotency_key: str


def login_specimens() -> list[LoginSpecimen]:
    """A code in each locale, and one of them once more, as after a lost answer."""
    made = [
        LoginSpecimen(
            name=f"demo-login-{locale}",
            login_code=LoginCode(email=f"login.{locale}@example.com", code=code, locale=locale),
            idempotency_key=f"demo:login-{locale}",
        )
        for locale, code in (("en", "492817"), ("de", "073355"))
    ]
    return [*made, replace(made[0], name=f"{made[0].name}, posted again")]


def specimens() -> list[Specimen]:
    made = [*_rendered(), *_templates()]
    broken = RenderedMail(
        to=["nobody at all"],
        subject="Never sent",
        text_body="It stands in malformed_commands, with its reason.\n",
    )
    return [*made, _of("malformed", broken)]


def _of(name: str, mail: RenderedMail | TemplateMail, *recipients: str) -> Specimen:
    return Specimen(
        delivery_id=f"demo-{name}",
        mail=mail,
        recipients=recipients,
        failure_code=None if recipients else "invalid_recipient",
    )


def _rendered() -> list[Specimen]:
    later = datetime.now(UTC) + _SEND_LATER
    return [
        _of("plain", RenderedMail(
            to=["ada@example.com"],
            subject="Your export is ready",
            text_body="Hello Ada,\n\nyour export is ready.\n",
        ), "ada@example.com"),
        _of("html", RenderedMail(
            to=[Mailbox("jaeger@example.org", "Grete Jäger")],
            subject="Ihr Platz ist bestätigt",
            text_body=_TEXT_DE,
            html_body=_HTML,
        ), "jaeger@example.org"),
        _of("attachment", RenderedMail(
            to=["reports@example.com"],
            subject="Visits of this week",
            text_body="The figures are in the attached file.\n",
            attachments=[Attachment("visits.csv", "text/csv", _CSV)],
        ), "reports@example.com"),
        _of("several", RenderedMail(
            to=["first@example.com", Mailbox("second@example.com", "Second, the")],
            cc=["third@example.com"],
            bcc=["hidden@example.com"],
            subject="Minutes of the meeting",
            text_body="The minutes, for everyone who was there.\n",
        ), "first@example.com", "second@example.com", "third@example.com", "hidden@example.com"),
        _of("idn", RenderedMail(
            to=["bestellung@bücher.example"],
            subject="Bestellung 4711",
            text_body="Die Bestellung ist eingegangen.\n",
        ), "bestellung@xn--bcher-kva.example"),
        _of("headers", RenderedMail(
            to=["reader@example.net"],
            reply_to=[Mailbox("editors@example.com", "The editors")],
            subject="This month",
            text_body="News of this month.\n",
            headers={"List-Id": "<news.example.com>", "X-Issue": "2026-03"},
        ), "reader@example.net"),
        _of("scheduled", RenderedMail(
            to=["later@example.com"],
            subject="Reminder",
            text_body="You asked to be reminded now.\n",
            send_at=later,
        ), "later@example.com"),
    ]  # fmt: skip


def _templates() -> list[Specimen]:
    receipt = {
        "receipt_number": "R-1042",
        "paid_at": "2026-03-01T09:00:00Z",
        "items": [{"description": "Team plan", "quantity": 3, "amount": "€27.00"}],
        "total": "€27.00",
    }
    alert = {
        "event": "new_sign_in",
        "occurred_at": "2026-03-09T06:12:40+01:00",
        "device": "Firefox",
        "location": "Graz",
    }
    wanted: list[tuple[str, str, Mapping[str, Any]]] = [
        ("billing.receipt", "en", receipt),
        ("billing.receipt", "de", receipt),
        ("account.security_alert", "en", alert),
        ("account.security_alert", "de", alert),
        ("account.security_alert", "de-AT", alert),
    ]
    made = []
    for template_id, locale, variables in wanted:
        recipient = f"customer.{locale.lower()}@example.com"
        mail = TemplateMail(
            to=[recipient], template_id=template_id, locale=locale, variables=variables
        )
        made.append(_of(f"{template_id}-{locale}", mail, recipient))
    return made
