"""Resend: an ended delivery's stored content is sent once more, as a new delivery.

The new one copies what is stored, so that neither today's catalog nor the producer is asked again.
Of a delivery that was sent, only those are addressed whom the relay did not accept, unless all are
asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Any

from deliveries.database import Statement
from deliveries.states import PayloadMode

# What a request stands for is judged in the order of the outcomes below: a living key first, so
# that a repetition gets the same answer whatever has become of the delivery since.
JUDGE = Statement(
    name="transitions.judge_resend",
    purpose="for each request to send again, what its key stands for and what forbids it",
    sql="""
SELECT i.place::integer - 1 AS place, r.fingerprint, k.delivery_id AS standing,
       CASE WHEN d.id IS NULL THEN 'not_found'
            WHEN d.status NOT IN ('sent', 'suppressed', 'failed', 'dead_letter') THEN 'not_terminal'
            WHEN d.source = 'authsession' THEN 'login_code'
            WHEN p.text_body IS NULL THEN 'payload_pruned'
            WHEN coalesce(i.expires_at, d.expires_at) <= now() THEN 'expired'
            WHEN d.status = 'sent' AND NOT i.everyone
                 AND coalesce(jsonb_array_length(d.recipients_refused), 0) = 0
                 AND coalesce(jsonb_array_length(d.recipients_left), 0) = 0 THEN 'nothing_to_resend'
       END AS obstacle
FROM unnest(%(parent_id)b::text[], %(idempotency_key)b::text[], %(expires_at)b::timestamptz[],
            %(everyone)b::boolean[])
     WITH ORDINALITY AS i(parent_id, idempotency_key, expires_at, everyone, place)
LEFT JOIN idempotency_reservations AS r
  ON r.source = 'operator_resend' AND r.idempotency_key = i.idempotency_key
     AND r.expires_at > now()
LEFT JOIN deliveries AS k ON k.id = r.delivery_pk
LEFT JOIN deliveries AS d ON d.delivery_id = i.parent_id
LEFT JOIN delivery_payloads AS p ON p.delivery_pk = d.id
ORDER BY place
""",
)

# Ids are drawn first, as in `creation`. The message stays as it was, its To and Cc included; who is
# addressed is `recipients_left`, where NULL means everyone: those that the relay did not accept,
# or those that the ended delivery was itself confined to.
RESEND = Statement(
    name="transitions.resend",
    purpose="create deliveries with the stored content of ended ones, guarded by their end",
    sql="""
WITH input AS MATERIALIZED (
  SELECT nextval(pg_get_serial_sequence('deliveries', 'id')) AS id, i.*
  FROM unnest(
    %(parent_id)b::text[], %(delivery_id)b::text[], %(idempotency_key)b::text[],
    %(fingerprint)b::bytea[], %(message_id)b::text[], %(expires_at)b::timestamptz[],
    %(everyone)b::boolean[], %(request_id)b::text[], %(traceparent)b::text[],
    %(tracestate)b::text[]
  ) WITH ORDINALITY AS i(
    parent_id, delivery_id, idempotency_key, fingerprint, message_id, expires_at, everyone,
    request_id, traceparent, tracestate, place)
), ended AS MATERIALIZED (
  SELECT i.*, d.id AS parent_pk, coalesce(i.expires_at, d.expires_at) AS until,
         CASE WHEN NOT i.everyone THEN
           coalesce(jsonb_path_query_array(d.recipients_refused, '$[*].address')
                      || coalesce(d.recipients_left, '[]'), d.recipients_left) END AS unreached
  FROM input AS i
  JOIN deliveries AS d ON d.delivery_id = i.parent_id
  JOIN delivery_payloads AS p ON p.delivery_pk = d.id
  WHERE d.status IN ('sent', 'suppressed', 'failed', 'dead_letter')
    AND d.source <> 'authsession' AND p.text_body IS NOT NULL
    AND (coalesce(i.expires_at, d.expires_at) <= now()) IS NOT TRUE
), reserved AS (
  INSERT INTO idempotency_reservations AS r
    (source, idempotency_key, delivery_pk, fingerprint, expires_at)
  SELECT 'operator_resend', idempotency_key, id, fingerprint,
         now() + %(idempotency_ttl)b::interval
  FROM ended ORDER BY idempotency_key
  ON CONFLICT (source, idempotency_key) DO UPDATE
    SET delivery_pk = excluded.delivery_pk, fingerprint = excluded.fingerprint,
        expires_at = excluded.expires_at
    WHERE r.expires_at <= now()
  RETURNING delivery_pk
), created AS (
  INSERT INTO deliveries
    (id, delivery_id, source, payload_mode, status, idempotency_key, fingerprint, message_id,
     expires_at, requested_at, created_at, next_attempt_at, rendered_at, template_id, locale,
     locale_used, catalog_digest, request_id, traceparent, tracestate, parent_delivery_id,
     recipients_left)
  SELECT e.id, e.delivery_id, 'operator_resend', d.payload_mode,
     CASE d.payload_mode WHEN 'rendered' THEN 'queued' ELSE 'rendered' END,
     e.idempotency_key, e.fingerprint, e.message_id, e.until, now(), now(), now(), d.rendered_at,
     d.template_id, d.locale, d.locale_used, d.catalog_digest, e.request_id, e.traceparent,
     e.tracestate, d.delivery_id, e.unreached
  FROM ended AS e JOIN reserved ON reserved.delivery_pk = e.id
  JOIN deliveries AS d ON d.id = e.parent_pk
  RETURNING id, payload_mode
), stored AS (
  INSERT INTO delivery_payloads
    (delivery_pk, mailboxes, headers, subject, text_body, html_body, variables,
     attachment_count, content_bytes)
  SELECT e.id, p.mailboxes, p.headers, p.subject, p.text_body, p.html_body, p.variables,
     p.attachment_count, p.content_bytes
  FROM ended AS e JOIN created USING (id) JOIN delivery_payloads AS p ON p.delivery_pk = e.parent_pk
), attached AS (
  INSERT INTO attachments (delivery_pk, position, filename, content_type, content)
  SELECT e.id, a.position, a.filename, a.content_type, a.content
  FROM ended AS e JOIN created USING (id) JOIN attachments AS a ON a.delivery_pk = e.parent_pk
), hint AS MATERIALIZED (
  SELECT pg_notify('mail_due', '') FROM (SELECT FROM created LIMIT 1) AS any_created
)
SELECT place::integer - 1 AS place, payload_mode, (SELECT count(*) FROM hint) AS hinted
FROM ended JOIN created USING (id) ORDER BY place
""",
)

SENT_AGAIN = Statement(
    name="transitions.sent_again",
    purpose="which of these deliveries have been sent again already",
    sql="""
SELECT DISTINCT parent_delivery_id AS delivery_id FROM deliveries
WHERE parent_delivery_id = ANY(%(delivery_ids)b::text[])
""",
)


@unique
class ResendOutcome(StrEnum):
    """What became of one request. Only `accepted` has written anything."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"  # the same request once more
    CONFLICT = "conflict"  # the key stands for another request
    NOT_FOUND = "not_found"
    NOT_TERMINAL = "not_terminal"
    LOGIN_CODE = "login_code"  # its content is gone, and its time is over
    PAYLOAD_PRUNED = "payload_pruned"
    EXPIRED = "expired"
    NOTHING_TO_RESEND = "nothing_to_resend"


@dataclass(frozen=True, slots=True)
class Resend:
    """A request to send the delivery `parent_id` again, as the new delivery `delivery_id`.

    `fingerprint` is of what the request says; `older_fingerprints` are the same under keys rotated
    out. `everyone` addresses all recipients also of a delivery that was sent. `expires_at` None
    keeps that of the parent.
    """

    parent_id: str
    delivery_id: str
    idempotency_key: str = field(repr=False)
    fingerprint: bytes = field(repr=False)
    message_id: str
    everyone: bool = False
    expires_at: datetime | None = None
    older_fingerprints: tuple[bytes, ...] = field(default=(), repr=False)
    request_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


@dataclass(frozen=True, slots=True)
class Resent:
    """`delivery_id` is the new delivery's, or the one that a duplicate's key stands for.

    `payload_mode` is the new delivery's, None where there is none.
    """

    outcome: ResendOutcome
    delivery_id: str | None = None
    payload_mode: PayloadMode | None = None


_COLUMNS = (
    "parent_id",
    "delivery_id",
    "idempotency_key",
    "fingerprint",
    "message_id",
    "expires_at",
    "everyone",
    "request_id",
    "traceparent",
    "tracestate",
)


def resend(*, requests: Sequence[Resend], idempotency_ttl: timedelta) -> list[Resent]:
    """One answer per request, in their order, inside the caller's transaction.

    Keys and new delivery ids must be unique within the batch.
    """
    if not requests:
        return []
    answers: list[Resent | None] = [_judge(row, requests[row.place]) for row in _rows(requests)]
    open_places = [place for place, answer in enumerate(answers) if answer is None]
    for row in _create([requests[place] for place in open_places], idempotency_ttl):
        new = open_places[row.place]
        mode = PayloadMode(row.payload_mode)
        answers[new] = Resent(ResendOutcome.ACCEPTED, requests[new].delivery_id, mode)
    lost = [place for place in open_places if answers[place] is None]
    # their keys were taken, or their content removed, while we wrote: what stands now decides
    again = resend(requests=[requests[place] for place in lost], idempotency_ttl=idempotency_ttl)
    for place, answer in zip(lost, again, strict=True):
        answers[place] = answer
    return [answer for answer in answers if answer is not None]


def sent_again(*, delivery_ids: Sequence[str]) -> frozenset[str]:
    """Those of the deliveries that have been sent again, whatever became of it."""
    if not delivery_ids:
        return frozenset()
    return frozenset(row.delivery_id for row in SENT_AGAIN.fetch(delivery_ids=list(delivery_ids)))


def _rows(requests: Sequence[Resend]) -> list[Any]:
    return JUDGE.fetch(
        parent_id=[request.parent_id for request in requests],
        idempotency_key=[request.idempotency_key for request in requests],
        expires_at=[request.expires_at for request in requests],
        everyone=[request.everyone for request in requests],
    )


def _judge(row: Any, request: Resend) -> Resent | None:
    """The answer that stands already; None where the request may be carried out."""
    if row.fingerprint is not None:
        if bytes(row.fingerprint) in (request.fingerprint, *request.older_fingerprints):
            return Resent(ResendOutcome.DUPLICATE, row.standing)
        return Resent(ResendOutcome.CONFLICT)
    return Resent(ResendOutcome(row.obstacle)) if row.obstacle else None


def _create(requests: Sequence[Resend], idempotency_ttl: timedelta) -> list[Any]:
    """The places of those that were created, and their modes."""
    if not requests:
        return []
    arrays = {column: [getattr(r, column) for r in requests] for column in _COLUMNS}
    return RESEND.fetch(**arrays, idempotency_ttl=idempotency_ttl)
