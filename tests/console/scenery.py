"""A day in the life of the service, for the admin's pages to show: the same at every call.

The rows are written as they are, not through the service: what the pages show is the point.
"""

import random
from datetime import datetime, timedelta

from django.utils import timezone

from deliveries.models import (
    Attachment,
    Attempt,
    DeadLetter,
    Delivery,
    DeliveryPayload,
    Hold,
    MalformedCommand,
    StreamCursor,
    Worker,
)
from deliveries.states import Source

DEAD = "order-10482-shipped"
LOGIN_CODE = "login-7f3a"
SENT = "receipt-2210"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SECRETS = ("482913", "Your sign-in code", "secret-variable")
RECIPIENT = "grace.hopper@example.com"
KEY = "order-10482:shipped"
SCENE_HOST = "mail-1"

HTML = """<!doctype html><html><head><meta http-equiv="refresh" content="0;url=http://{tracker}/meta">
<link rel="preconnect" href="http://{tracker}/"><link rel="stylesheet" href="http://{tracker}/css">
<style>body{{font-family:Georgia,serif;color:#22303c;margin:0;background:#f3f0ea}}
.box{{max-width:520px;margin:24px auto;background:#fff;border-radius:10px;padding:28px}}
.go{{display:inline-block;background:#1d6b57;color:#fff;padding:10px 18px;border-radius:6px}}
</style></head>
<body><div class="box"><h1>Your order is on its way</h1>
<p>Dear Grace, the parcel with your order <b>10482</b> left our house this morning.</p>
<p><a class="go" href="http://{tracker}/follow">Follow the parcel</a></p>
<p>It will be with you on Friday.</p>
<img src="http://{tracker}/pixel.gif" width="1" height="1" alt="">
<script>document.title = "script ran"; fetch("http://{tracker}/fetch")</script>
<form action="http://{tracker}/form"><button>Rate us</button></form></div></body></html>"""


def set_scene(
    *, now: datetime | None = None, tracker: str = "127.0.0.1:9", traffic: bool = False
) -> None:
    """`tracker` is the host that the HTML of the dead letter would like to reach."""
    now = now or timezone.now()
    if traffic:
        _traffic(now, random.Random(7))
    dead_letter(now, tracker)
    login_code(now)
    sent_to_some(now)
    _processes(now)
    _malformed(now)


def delivery(number: str, *, source: str = "notification", status: str = "sent", **values):
    template = values.pop("template_id", None)
    defaults = {
        "delivery_id": number,
        "source": source,
        "payload_mode": "template" if template else "rendered",
        "status": status,
        "idempotency_key": f"key:{number}",
        "fingerprint": b"f",
        "message_id": f"<{number}@mail.example.com>",
        "template_id": template,
        "locale": "de-AT" if template else None,
        "locale_used": "de" if template else None,
    }
    return Delivery.objects.create(**{**defaults, **values})


def _attempt(of: Delivery, no: int, at: datetime, took: float, status: str, **values) -> Attempt:
    return Attempt.objects.create(
        delivery=of,
        attempt_no=no,
        lane=2,
        status=status,
        worker_id=41,
        scheduled_for=at,
        started_at=at + timedelta(milliseconds=12),
        finished_at=at + timedelta(milliseconds=12, seconds=took),
        **values,
    )


def dead_letter(now: datetime, tracker: str = "127.0.0.1:9") -> Delivery:
    """Four attempts, each of which failed in its own way; HTML, text, headers, an attachment."""
    begun = now - timedelta(minutes=41)
    grace, alan = RECIPIENT, "alan@example.org"
    found = delivery(
        DEAD,
        status="dead_letter",
        idempotency_key=KEY,
        attempt_count=4,
        last_failure_code="timeout",
        last_provider_summary="450 4.7.1 try again later, the queue is full",
        traceparent=f"00-{TRACE_ID}-00f067aa0ba902b7-01",
        request_id="req-5521",
        recipients_left=[grace],
        recipients_refused=[
            {
                "address": alan,
                "smtp_code": 550,
                "summary": "550 5.1.1 no such user here",
                "suppressed": False,
            }
        ],
        requested_at=begun - timedelta(seconds=3),
        created_at=begun,
        finished_at=begun + timedelta(minutes=37),
    )
    DeliveryPayload.objects.create(
        delivery=found,
        mailboxes={
            "to": [{"email": grace, "name": "Grace Hopper"}],
            "cc": [{"email": alan, "name": ""}],
            "reply_to": [{"email": "shop@example.com", "name": "Shop"}],
        },
        headers=[["X-Order", "10482"], ["List-Unsubscribe", "<mailto:stop@example.com>"]],
        subject="Your order 10482 is on its way",
        text_body="Dear Grace,\n\nyour parcel left our house this morning.\n",
        html_body=HTML.format(tracker=tracker),
        attachment_count=1,
        content_bytes=900,
    )
    Attachment.objects.create(
        delivery=found,
        position=0,
        filename="delivery-note.pdf",
        content_type="application/pdf",
        content=b"%PDF-" + bytes(48_000),
    )
    both = [{"address": grace, "outcome": "deferred", "smtp_code": None}]
    _attempt(
        *(found, 1, begun, 0.8, "transport_failed"),
        phase="rcpt",
        failure_code="temporary_reply",
        smtp_code=450,
        enhanced_code="4.7.1",
        provider_summary="450 4.7.1 try again later, the queue is full",
        recipients=[
            {"address": grace, "outcome": "deferred", "smtp_code": 450},
            {"address": alan, "outcome": "refused", "smtp_code": 550},
        ],
    )
    _attempt(
        *(found, 2, begun + timedelta(minutes=1), 0.02, "transport_failed"),
        phase="connect",
        failure_code="connect_failed",
        provider_summary="connection refused",
        recipients=both,
    )
    _attempt(
        *(found, 3, begun + timedelta(minutes=6), 2.4, "transport_failed"),
        phase="starttls",
        failure_code="tls_failed",
        provider_summary="certificate has expired",
        recipients=both,
    )
    _attempt(
        *(found, 4, begun + timedelta(minutes=36, seconds=30), 30, "timed_out"),
        phase="final",
        failure_code="timeout",
        outcome_unknown=True,
        recipients=both,
    )
    DeadLetter.objects.create(
        delivery=found,
        failure_code="timeout",
        reason="no reply to the message within 30 s",
        attempt_count=4,
        recorded_at=found.finished_at,
    )
    return found


def login_code(now: datetime) -> Delivery:
    """Waiting for its second attempt, its code still in the table; the relay repeated it."""
    begun = now - timedelta(seconds=50)
    found = delivery(
        LOGIN_CODE,
        source=Source.AUTHSESSION,
        status="rendered",
        template_id="auth.login_code",
        attempt_count=1,
        next_attempt_at=now + timedelta(seconds=20),
        expires_at=now + timedelta(minutes=9),
        last_failure_code="temporary_reply",
        last_provider_summary=f"451 4.3.0 <{RECIPIENT}> code {SECRETS[0]} not now",
        requested_at=begun,
        created_at=begun,
        rendered_at=begun,
    )
    DeliveryPayload.objects.create(
        delivery=found,
        mailboxes={"to": [{"email": RECIPIENT, "name": ""}]},
        subject=f"{SECRETS[1]} {SECRETS[0]}",
        text_body=f"{SECRETS[1]} is {SECRETS[0]}",
        html_body=f"<p>{SECRETS[1]} is <b>{SECRETS[0]}</b></p>",
        variables={"code": SECRETS[0], "note": SECRETS[2]},
        content_bytes=80,
    )
    _attempt(
        *(found, 1, begun, 0.3, "transport_failed"),
        phase="data",
        failure_code="temporary_reply",
        smtp_code=451,
        enhanced_code="4.3.0",
        provider_summary=f"451 4.3.0 <{RECIPIENT}> code {SECRETS[0]} not now",
        recipients=[{"address": RECIPIENT, "outcome": "deferred", "smtp_code": 451}],
    )
    return found


def sent_to_some(now: datetime) -> Delivery:
    begun = now - timedelta(hours=2)
    found = delivery(
        SENT,
        template_id="billing.receipt",
        attempt_count=1,
        recipients_accepted=1,
        requested_at=begun,
        created_at=begun,
        rendered_at=begun,
        finished_at=begun + timedelta(seconds=1),
    )
    DeliveryPayload.objects.create(
        delivery=found,
        mailboxes={"to": [{"email": "linus@example.net", "name": "Linus"}]},
        subject="Ihre Rechnung 2210",
        text_body="Vielen Dank. Sie zahlen 24,80 EUR.\n",
        content_bytes=40,
    )
    _attempt(
        *(found, 1, begun, 0.1, "provider_accepted"),
        phase="final",
        smtp_code=250,
        enhanced_code="2.0.0",
        provider_summary="250 2.0.0 queued as 4F7A21",
        recipients=[{"address": "linus@example.net", "outcome": "accepted", "smtp_code": 250}],
    )
    return found


_SUMMARY = {
    "suppressed": ("suppressed_by_provider", "550 5.7.1 recipient is on the suppress list"),
    "failed": ("permanent_reply", "550 5.1.1 mailbox unavailable"),
    "dead_letter": ("connect_failed", "connection refused"),
}


def _traffic(now: datetime, chance: random.Random) -> None:
    """Mail over 24 hours, busier by day, with one bad hour in which the relay was away."""
    hours = []
    for back in range(24):
        busy = 14 + int(46 * abs(12 - (back + 5) % 24) / 12)
        hours += [back] * busy
    deliveries, attempts = [], []
    for number, back in enumerate(sorted(hours, reverse=True)):
        at = now - timedelta(hours=back, seconds=chance.uniform(1, 3500))
        roll = chance.random()
        status = "sent"
        if roll < (0.35 if back == 9 else 0.015):
            status = "dead_letter"
        elif roll < 0.05:
            status = chance.choice(["failed", "suppressed"])
        if back == 0 and chance.random() < 0.12:
            status = "queued"
        code, summary = _SUMMARY.get(status, (None, "250 2.0.0 queued"))
        if status == "dead_letter" and chance.random() < 0.4:
            code = chance.choice(["tls_failed", "timeout", "auth_failed"])
        over = status != "queued"
        deliveries.append(
            Delivery(
                delivery_id=f"n-{number:05}-{chance.randrange(16**6):06x}",
                source="authsession" if number % 4 == 0 else "notification",
                payload_mode="template" if number % 3 == 0 else "rendered",
                template_id="account.security_alert" if number % 3 == 0 else None,
                locale="en" if number % 3 == 0 else None,
                locale_used="en" if number % 3 == 0 else None,
                rendered_at=at if number % 3 == 0 else None,
                status=status,
                idempotency_key=f"k-{number}",
                fingerprint=b"f",
                message_id=f"<n{number}@mail.example.com>",
                attempt_count=1 if over else 0,
                last_failure_code=code if over else None,
                last_provider_summary=summary if over else None,
                next_attempt_at=None if over else now - timedelta(seconds=4),
                requested_at=at,
                created_at=at,
                finished_at=at + timedelta(seconds=2) if over else None,
            )
        )
    Delivery.objects.bulk_create(deliveries)
    for one in deliveries:
        if one.finished_at is None:
            continue
        took = min(30.0, chance.lognormvariate(-2.2, 0.9))
        attempts.append(
            Attempt(
                delivery=one,
                attempt_no=1,
                lane=2,
                status="provider_accepted" if one.status == "sent" else "transport_failed",
                worker_id=41,
                scheduled_for=one.created_at,
                started_at=one.created_at,
                finished_at=one.created_at + timedelta(seconds=took),
                phase="final" if one.status == "sent" else "connect",
                failure_code=one.last_failure_code,
                smtp_code=250 if one.status == "sent" else None,
                enhanced_code="2.0.0" if one.status == "sent" else None,
            )
        )
    Attempt.objects.bulk_create(attempts)
    DeliveryPayload.objects.bulk_create(
        DeliveryPayload(
            delivery=one,
            mailboxes={"to": [{"email": f"customer{one.pk % 97}@example.org", "name": ""}]},
            subject="A word from us",
            text_body="Hello.\n",
            content_bytes=7,
        )
        for one in deliveries
    )
    DeadLetter.objects.bulk_create(
        DeadLetter(
            delivery=one,
            failure_code=one.last_failure_code,
            reason=one.last_provider_summary,
            attempt_count=4,
            recorded_at=one.finished_at,
        )
        for one in deliveries
        if one.status == "dead_letter"
    )


def _processes(now: datetime) -> None:
    for type_, pid, capacity in (
        ("web", 812, 0),
        ("consumer", 820, 0),
        ("scheduler", 831, 0),
        ("attempts", 840, 16),
        ("attempts", 841, 16),
        ("prune", 850, 0),
    ):
        Worker.objects.create(
            type=type_,
            host=SCENE_HOST,
            pid=pid,
            capacity=capacity,
            started_at=now - timedelta(hours=31),
            last_seen_at=now,
            lease_until=now + timedelta(hours=1),
        )
    StreamCursor.objects.create(
        stream="mail:delivery_commands",
        last_entry_id="1790000000000-0",
        epoch=3,
        entries_finished=184_220,
        updated_at=now - timedelta(seconds=2),
    )


def hold(now: datetime) -> None:
    Hold.objects.create(source="notification", reason="the relay is being moved", created_at=now)


def _malformed(now: datetime) -> None:
    for number, (code, message) in enumerate(
        [
            ("invalid_recipient", "to[0]: an address needs exactly one @"),
            ("template_not_found", "template_id: there is no such template"),
            ("missing_field", "idempotency_key is missing"),
        ]
    ):
        MalformedCommand.objects.create(
            stream="mail:delivery_commands",
            stream_entry_id=f"179000000000{number}-0",
            delivery_id=f"broken-{number}",
            source="notification",
            failure_code=code,
            failure_message=message,
            raw_fields=[
                *(b"delivery_id", f"broken-{number}".encode(), b"source", b"notification"),
                *(b"payload_json", b'{"variables":{"code":"%s"}}' % SECRETS[0].encode()),
            ],
            recorded_at=now - timedelta(hours=3 * number + 1),
        )
