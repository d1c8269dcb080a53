"""Claimed attempts as a sender gets them, without a database."""

import time
from types import SimpleNamespace
from typing import Any

from deliveries.attempt.inbox import Claimed


class Lease:
    """A process's lease: held for ever, or not at all."""

    def __init__(self, *, held: bool = True) -> None:
        self.held = held

    def held_since(self, _moment: float) -> bool:
        return self.held


def claimed(**changes: Any) -> Claimed:
    """A claim of a delivery to a@x.org and b@x.org; `to` names others."""
    addresses = changes.pop("to", ("a@x.org", "b@x.org"))
    row = {
        "delivery_id": "d-1",
        "delivery_pk": 1,
        "source": "notification",
        "traceparent": None,
        "tracestate": None,
        "attempt_no": 1,
        "message_id": "<1@example.com>",
        "expires_in": None,
        "login_code": None,
        "recipients_accepted": 0,
        "recipients_left": None,
        "recipients_refused": None,
        "mailboxes": {"to": [{"email": address, "name": ""} for address in addresses]},
        "headers": None,
        "subject": "Hello",
        "text_body": "Text",
        "html_body": None,
        "attachment_count": 0,
        "content_bytes": 4,
    }
    return Claimed(row=SimpleNamespace(**{**row, **changes}), at=time.monotonic())
