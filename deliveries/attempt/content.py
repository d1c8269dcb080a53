"""The content of a claimed attempt: as it was claimed, or read when it is large."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from deliveries.database import Statement
from deliveries.payload import Attachment, Mailbox, Payload
from deliveries.transitions.claim import INLINE_BYTES

BODIES = Statement(
    name="attempt.bodies",
    purpose="the bodies of one large payload, for the thread that sends it",
    sql="""
SELECT text_body, html_body FROM delivery_payloads WHERE delivery_pk = %(delivery_pk)b::bigint
""",
)

ATTACHMENTS = Statement(
    name="attempt.attachments",
    purpose="the attachments of one delivery, for the thread that sends it",
    sql="""
SELECT filename, content_type, content FROM attachments
WHERE delivery_pk = %(delivery_pk)b::bigint ORDER BY position
""",
)

# Large content is held several times over while it is encoded: this many bytes of it at once.
_BUDGET_BYTES = 12 * 1024 * 1024


class Budget:
    """Bounds how many bytes of large content the threads hold together."""

    def __init__(self, *, limit: int = _BUDGET_BYTES) -> None:
        self._limit = limit
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def spend(self, size: int, *, until: float) -> Iterator[bool]:
        """Wait for `size` bytes to be free, not longer than `until` (monotonic); whether they are.

        What is larger than the whole budget goes alone.
        """
        with self._changed:
            is_free = self._changed.wait_for(lambda: self._fits(size), until - time.monotonic())
            spent = size if is_free else 0
            self._used += spent
        try:
            yield is_free
        finally:
            with self._changed:
                self._used -= spent
                self._changed.notify_all()

    def _fits(self, size: int) -> bool:
        return not self._used or self._used + size <= self._limit


def is_large(row: Any) -> bool:
    return bool(row.attachment_count or row.content_bytes > INLINE_BYTES)


def payload_of(row: Any) -> Payload:
    """The payload of a claimed row; reads what the claim left out."""
    text_body, html_body = row.text_body, row.html_body
    attachments: tuple[Attachment, ...] = ()
    if is_large(row):
        try:
            (bodies,) = BODIES.fetch(delivery_pk=row.delivery_pk)
            text_body, html_body = bodies.text_body, bodies.html_body
            attachments = tuple(
                Attachment(found.filename, found.content_type, bytes(found.content))
                for found in ATTACHMENTS.fetch(delivery_pk=row.delivery_pk)
            )
        finally:
            connection.close()  # rare: not worth one connection per thread
    return Payload(
        to=_group(row, "to"),
        cc=_group(row, "cc"),
        bcc=_group(row, "bcc"),
        reply_to=_group(row, "reply_to"),
        subject=row.subject,
        text_body=text_body,
        html_body=html_body,
        headers=tuple((name, value) for name, value in row.headers or ()),
        attachments=attachments,
    )


def _group(row: Any, name: str) -> tuple[Mailbox, ...]:
    return tuple(Mailbox.from_json(found) for found in row.mailboxes.get(name, ()))
