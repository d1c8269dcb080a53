"""Creation: reservation, delivery and payload of a whole batch, in one statement."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Json, Jsonb

from deliveries.database import Statement
from deliveries.payload import Payload
from deliveries.states import DeliveryStatus, PayloadMode, Source

# Ids are drawn first, so that the reservation, whose foreign key is checked at commit, decides who
# may be created. A reservation that has expired is replaced; one that lives refuses the newcomer.
# What ends at its acceptance, a login code in stub mode, is stored without its content.
_CREATE: Final = """
WITH input AS MATERIALIZED (
  SELECT nextval(pg_get_serial_sequence('deliveries', 'id')) AS id, i.*
  FROM {source}
), reserved AS (
  INSERT INTO idempotency_reservations AS r
    (source, idempotency_key, delivery_pk, fingerprint, expires_at)
  SELECT source, idempotency_key, id, fingerprint,
         greatest(now(), send_at) + %(idempotency_ttl)b::interval
  FROM input ORDER BY source, idempotency_key
  ON CONFLICT (source, idempotency_key) DO UPDATE
    SET delivery_pk = excluded.delivery_pk, fingerprint = excluded.fingerprint,
        expires_at = excluded.expires_at
    WHERE r.expires_at <= now()
  RETURNING delivery_pk
), created AS (
  INSERT INTO deliveries
    (id, delivery_id, source, payload_mode, status, idempotency_key, fingerprint, message_id,
     send_at, expires_at, requested_at, created_at, next_attempt_at, rendered_at, finished_at,
     template_id, locale, locale_used, catalog_digest, request_id, traceparent, tracestate)
  SELECT id, delivery_id, source, payload_mode, status, idempotency_key, fingerprint, message_id,
     send_at, expires_at, requested_at, now(),
     CASE WHEN status IN ('queued', 'rendered') THEN greatest(now(), send_at) END,
     CASE WHEN payload_mode = 'template' THEN now() END,
     CASE WHEN status = 'suppressed' THEN now() END,
     template_id, locale, locale_used, catalog_digest, request_id, traceparent, tracestate
  FROM input JOIN reserved ON delivery_pk = id
  RETURNING id, status = 'suppressed' AS ended
), stored AS (
  INSERT INTO delivery_payloads
    (delivery_pk, mailboxes, headers, subject, text_body, html_body, variables,
     attachment_count, content_bytes)
  SELECT id, mailboxes, headers, CASE WHEN NOT ended THEN subject END,
     CASE WHEN NOT ended THEN text_body END, CASE WHEN NOT ended THEN html_body END,
     CASE WHEN NOT ended THEN variables END, attachment_count, content_bytes
  FROM input JOIN created USING (id)
), hint AS MATERIALIZED (
  SELECT pg_notify('mail_due', '') FROM (SELECT FROM created LIMIT 1) AS any_created
)
SELECT place::integer - 1 AS place, id, (SELECT count(*) FROM hint) AS hinted
FROM input JOIN created USING (id) ORDER BY place
"""

_ARRAYS: Final = """unnest(
    %(delivery_id)b::text[], %(source)b::text[], %(payload_mode)b::text[], %(status)b::text[],
    %(idempotency_key)b::text[], %(fingerprint)b::bytea[], %(message_id)b::text[],
    %(send_at)b::timestamptz[], %(expires_at)b::timestamptz[], %(requested_at)b::timestamptz[],
    %(template_id)b::text[], %(locale)b::text[], %(locale_used)b::text[],
    %(catalog_digest)b::text[], %(request_id)b::text[], %(traceparent)b::text[],
    %(tracestate)b::text[], %(mailboxes)b::jsonb[], %(headers)b::jsonb[], %(subject)b::text[],
    %(text_body)b::text[], %(html_body)b::text[], %(variables)b::jsonb[],
    %(attachment_count)b::smallint[], %(content_bytes)b::integer[]
  ) WITH ORDINALITY AS i(
    delivery_id, source, payload_mode, status, idempotency_key, fingerprint, message_id,
    send_at, expires_at, requested_at, template_id, locale, locale_used, catalog_digest,
    request_id, traceparent, tracestate, mailboxes, headers, subject, text_body, html_body,
    variables, attachment_count, content_bytes, place)"""

# For a few rows one document costs the client a tenth of what so many arrays do.
_DOCUMENT: Final = """ROWS FROM (json_to_recordset(%(document)b::json) AS (
    delivery_id text, source text, payload_mode text, status text, idempotency_key text,
    fingerprint bytea, message_id text, send_at timestamptz, expires_at timestamptz,
    requested_at timestamptz, template_id text, locale text, locale_used text,
    catalog_digest text, request_id text, traceparent text, tracestate text, mailboxes jsonb,
    headers jsonb, subject text, text_body text, html_body text, variables jsonb,
    attachment_count smallint, content_bytes integer
  )) WITH ORDINALITY AS i(
    delivery_id, source, payload_mode, status, idempotency_key, fingerprint, message_id,
    send_at, expires_at, requested_at, template_id, locale, locale_used, catalog_digest,
    request_id, traceparent, tracestate, mailboxes, headers, subject, text_body, html_body,
    variables, attachment_count, content_bytes, place)"""

CREATE = Statement(
    name="transitions.create",
    purpose="accept a batch: reserve the keys, create the deliveries that got theirs",
    sql=_CREATE.format(source=_ARRAYS),
)

CREATE_FEW = Statement(
    name="transitions.create_few",
    purpose="the same for a few deliveries",
    sql=_CREATE.format(source=_DOCUMENT),
)

_FEW = 10

ATTACH = Statement(
    name="transitions.attach",
    purpose="store the attachments of deliveries just created",
    sql="""
INSERT INTO attachments (delivery_pk, position, filename, content_type, content)
SELECT * FROM unnest(%(delivery_pk)b::bigint[], %(position)b::smallint[], %(filename)b::text[],
                     %(content_type)b::text[], %(content)b::bytea[])
""",
)


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One accepted command, ready to be written. `status` is where it starts."""

    delivery_id: str
    source: Source
    payload_mode: PayloadMode
    status: DeliveryStatus
    idempotency_key: str = field(repr=False)
    fingerprint: bytes = field(repr=False)
    message_id: str
    requested_at: datetime
    payload: Payload = field(repr=False)
    send_at: datetime | None = None
    expires_at: datetime | None = None
    template_id: str | None = None
    locale: str | None = None
    locale_used: str | None = None
    catalog_digest: str | None = None
    request_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


_COLUMNS = (
    "delivery_id",
    "source",
    "payload_mode",
    "status",
    "idempotency_key",
    "fingerprint",
    "message_id",
    "send_at",
    "expires_at",
    "requested_at",
    "template_id",
    "locale",
    "locale_used",
    "catalog_digest",
    "request_id",
    "traceparent",
    "tracestate",
)


def create(*, deliveries: Sequence[NewDelivery], idempotency_ttl: timedelta) -> frozenset[int]:
    """Write a batch inside the caller's transaction; return the places of those that are new.

    The others lost their key to another writer. Within a batch every (source, key) and every
    delivery id must be unique. A value that the database refuses raises for the whole batch.
    """
    if not deliveries:
        return frozenset()
    if len(deliveries) < _FEW:
        document = Json([_as_object(delivery) for delivery in deliveries], dumps=_dumps)
        created = CREATE_FEW.fetch(document=document, idempotency_ttl=idempotency_ttl)
    else:
        arrays: dict[str, list[Any]] = {
            column: [getattr(delivery, column) for delivery in deliveries] for column in _COLUMNS
        }
        arrays |= _payload_arrays([delivery.payload for delivery in deliveries])
        created = CREATE.fetch(**arrays, idempotency_ttl=idempotency_ttl)
    _attach([(row.id, deliveries[row.place].payload) for row in created])
    return frozenset(row.place for row in created)


def _as_object(delivery: NewDelivery) -> dict[str, Any]:
    """One delivery of a document: what is None is left out."""
    payload = delivery.payload
    members = {column: getattr(delivery, column) for column in _COLUMNS}
    members |= {
        "mailboxes": _mailboxes(payload),
        "headers": payload.headers or None,
        "subject": payload.subject,
        "text_body": payload.text_body,
        "html_body": payload.html_body,
        "variables": payload.variables,
        "attachment_count": len(payload.attachments),
        "content_bytes": payload.content_bytes,
    }
    return {name: value for name, value in members.items() if value is not None}


def _plain(value: Any) -> str:
    """What JSON lacks, as PostgreSQL reads it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return str(value.isoformat())


_encode = json.JSONEncoder(default=_plain, ensure_ascii=False, separators=(",", ":")).encode


def _dumps(value: Any) -> bytes:
    """An unpaired surrogate is PostgreSQL's to refuse: as a fault of Python's it would be nobody's,
    and stop the stream.
    """
    return _encode(value).encode("utf-8", "surrogatepass")


def _payload_arrays(payloads: Sequence[Payload]) -> dict[str, list[Any]]:
    return {
        "mailboxes": [Jsonb(_mailboxes(payload)) for payload in payloads],
        "headers": [Jsonb(payload.headers) if payload.headers else None for payload in payloads],
        "subject": [payload.subject for payload in payloads],
        "text_body": [payload.text_body for payload in payloads],
        "html_body": [payload.html_body for payload in payloads],
        "variables": [
            None if payload.variables is None else Jsonb(payload.variables) for payload in payloads
        ],
        "attachment_count": [len(payload.attachments) for payload in payloads],
        "content_bytes": [payload.content_bytes for payload in payloads],
    }


def _mailboxes(payload: Payload) -> dict[str, Any]:
    groups = {"to": payload.to, "cc": payload.cc, "bcc": payload.bcc, "reply_to": payload.reply_to}
    return {name: [m.as_json() for m in group] for name, group in groups.items() if group}


def _attach(created: Sequence[tuple[int, Payload]]) -> None:
    rows = [
        (pk, position, attachment)
        for pk, payload in created
        for position, attachment in enumerate(payload.attachments)
    ]
    if rows:
        ATTACH.fetch(
            delivery_pk=[pk for pk, _, _ in rows],
            position=[position for _, position, _ in rows],
            filename=[attachment.filename for _, _, attachment in rows],
            content_type=[attachment.content_type for _, _, attachment in rows],
            content=[attachment.content for _, _, attachment in rows],
        )
