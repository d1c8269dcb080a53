"""The SQL of the lists: one statement for each way in, so that each has its index.

Deliveries are listed by their bigint id, newest first. Ids are drawn while a delivery is accepted,
so `created_at` follows them except for the length of a transaction: a time window becomes a range
of ids (`BOUNDS`), and no index on the time is written at every change of state.
"""

from typing import Final

from deliveries.database import Statement
from deliveries.states import DeliveryStatus

# Which ids lie in a window of time. Bisects the ids, with a probe of the primary key each; `low`
# and `high` are outside of it for certain, given that no id is drawn later than `slack` after its
# `created_at`.
BOUNDS = Statement(
    name="listing.bounds",
    purpose="the ids between which all deliveries of a time window lie",
    sql="""
WITH RECURSIVE wanted(place, moment) AS (
  VALUES (0, %(after)b::timestamptz - %(slack)b::interval),
         (1, %(before)b::timestamptz + %(slack)b::interval)
), search(place, moment, low, high) AS (
  SELECT place, moment, 0::bigint,
         coalesce((SELECT id FROM deliveries ORDER BY id DESC LIMIT 1), 0) + 1
  FROM wanted WHERE moment IS NOT NULL
  UNION ALL
  SELECT s.place, s.moment,
         CASE WHEN (r.created_at >= s.moment) IS TRUE THEN s.low ELSE (s.low + s.high) / 2 END,
         CASE WHEN (r.created_at >= s.moment) IS TRUE THEN r.id ELSE s.high END
  FROM search AS s
  LEFT JOIN LATERAL (
    SELECT id, created_at FROM deliveries
    WHERE id > s.low AND id <= (s.low + s.high) / 2 ORDER BY id DESC LIMIT 1) AS r ON true
  WHERE s.high - s.low > 1
)
SELECT max(low) FILTER (WHERE place = 0) AS low, min(high) FILTER (WHERE place = 1) AS high
FROM search
""",
)

_SHOWN: Final = """
  d.id, d.delivery_id, d.source, d.payload_mode, d.status, d.template_id, d.locale, d.locale_used,
  p.mailboxes, CASE WHEN d.source <> 'authsession' THEN p.subject END AS subject,
  d.idempotency_key, d.message_id, d.attempt_count, d.next_attempt_at, d.send_at, d.expires_at,
  d.last_failure_code, d.last_provider_summary, d.recipients_refused, d.parent_delivery_id,
  d.traceparent, d.created_at, d.rendered_at, d.finished_at,
  x.recorded_at AS dead_recorded_at, x.reason AS dead_reason
"""

_WITH_CONTENT: Final = """
LEFT JOIN delivery_payloads AS p ON p.delivery_pk = d.id
LEFT JOIN dead_letters AS x ON x.delivery_pk = d.id
"""

# What any page may ask in addition to its own way in.
_ASKED: Final = """
      d.id > %(low)b::bigint AND d.id < %(high)b::bigint
      AND (%(status)b::text IS NULL OR d.status = %(status)b::text)
      AND (%(source)b::text IS NULL OR d.source = %(source)b::text)
      AND (%(template_id)b::text IS NULL OR d.template_id = %(template_id)b::text)
      AND (%(created_after)b::timestamptz IS NULL
           OR d.created_at >= %(created_after)b::timestamptz)
      AND (%(created_before)b::timestamptz IS NULL
           OR d.created_at < %(created_before)b::timestamptz)
      AND (%(finished_after)b::timestamptz IS NULL
           OR d.finished_at >= %(finished_after)b::timestamptz)
      AND (%(failure_code)b::text IS NULL OR d.last_failure_code = %(failure_code)b::text)
"""

_NEWEST: Final = "ORDER BY d.id DESC LIMIT %(limit)b::bigint"

_SHOW_PAGE: Final = f"""
SELECT {_SHOWN} FROM page AS d {_WITH_CONTENT} ORDER BY d.id DESC
"""  # noqa: S608 - pieces from here

PAGE = Statement(
    name="listing.page",
    purpose="the newest deliveries, or those of a range of ids",
    sql=f"""
WITH page AS MATERIALIZED (
  SELECT d.* FROM deliveries AS d WHERE {_ASKED} {_NEWEST}
) {_SHOW_PAGE}
""",  # noqa: S608 - pieces from here
)

# A literal state each: a partial index does not serve a bound parameter in a generic plan. Ordered
# by `id * -1`, as its index is: ordered by `id`, the planner may take the primary key instead, and
# walk through everything after the last failed one.
_OF_STATUS: Final = """
WITH page AS MATERIALIZED (
  SELECT d.* FROM deliveries AS d
  WHERE d.status = '{status}' AND d.id * -1 > %(high)b::bigint * -1 AND {asked}
  ORDER BY d.id * -1 LIMIT %(limit)b::bigint
) {show}
"""

PAGE_OF_STATUS: Final = {
    status: Statement(
        name=f"listing.page_of_{status}",
        purpose=f"the newest deliveries that are {status}",
        sql=_OF_STATUS.format(status=status.value, asked=_ASKED, show=_SHOW_PAGE),
    )
    for status in DeliveryStatus
    if status not in {DeliveryStatus.SENT, DeliveryStatus.SENDING}
} | {
    # A handed-out delivery has one attempt that has not ended. These are few: OFFSET 0 keeps the
    # planner from reading all deliveries for them.
    DeliveryStatus.SENDING: Statement(
        name="listing.page_of_sending",
        purpose="the newest deliveries with an attempt under way",
        sql=f"""
WITH under_way AS MATERIALIZED (
  SELECT delivery_pk FROM attempts WHERE status = 'scheduled'
  UNION ALL SELECT delivery_pk FROM attempts WHERE status = 'in_progress'
), page AS MATERIALIZED (
  SELECT d.* FROM under_way
  CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE id = delivery_pk OFFSET 0) AS d
  WHERE d.status = 'sending' AND {_ASKED} {_NEWEST}
) {_SHOW_PAGE}
""",  # noqa: S608 - pieces from here
    )
}

PAGE_OF_KEY = Statement(
    name="listing.page_of_key",
    purpose="the newest deliveries with one idempotency key",
    sql=f"""
WITH matching AS MATERIALIZED (
  SELECT id FROM deliveries
  WHERE hashtextextended(idempotency_key, 0) = hashtextextended(%(idempotency_key)b::text, 0)
    AND idempotency_key = %(idempotency_key)b::text
), page AS MATERIALIZED (
  SELECT d.* FROM matching JOIN deliveries AS d ON d.id = matching.id
  WHERE (%(recipient)b::text IS NULL OR EXISTS (
      SELECT FROM delivery_payloads AS p
      WHERE p.delivery_pk = d.id
        AND jsonb_path_exists(p.mailboxes - 'reply_to', '$.*[*].email ? (@ == $address)',
                              jsonb_build_object('address', %(recipient)b::text))))
    AND {_ASKED} {_NEWEST}
) {_SHOW_PAGE}
""",  # noqa: S608 - pieces from here
)

# First those to whom the mail goes first, in the index's order and no further than the page; then
# those among several recipients.
PAGE_OF_RECIPIENT = Statement(
    name="listing.page_of_recipient",
    purpose="the newest deliveries to one address",
    sql=f"""
WITH first AS MATERIALIZED (
  SELECT d.* FROM delivery_payloads AS p JOIN deliveries AS d ON d.id = p.delivery_pk
  WHERE hashtextextended(p.mailboxes #>> '{{to,0,email}}', 0)
          = hashtextextended(%(recipient)b::text, 0)
    AND p.mailboxes #>> '{{to,0,email}}' = %(recipient)b::text
    AND p.delivery_pk * -1 > %(high)b::bigint * -1 AND {_ASKED}
  ORDER BY p.delivery_pk * -1 LIMIT %(limit)b::bigint
), matching AS MATERIALIZED (
  SELECT p.delivery_pk FROM delivery_payloads AS p
  WHERE (p.mailboxes #> '{{to,1}}' IS NOT NULL OR p.mailboxes ?| '{{cc,bcc}}')
    AND (p.mailboxes @> %(in_to)b::jsonb OR p.mailboxes @> %(in_cc)b::jsonb
         OR p.mailboxes @> %(in_bcc)b::jsonb)
    AND p.mailboxes #>> '{{to,0,email}}' <> %(recipient)b::text
    AND p.delivery_pk > %(low)b::bigint AND p.delivery_pk < %(high)b::bigint
), among AS MATERIALIZED (
  SELECT d.* FROM matching JOIN deliveries AS d ON d.id = matching.delivery_pk
  WHERE {_ASKED} {_NEWEST}
), page AS (
  SELECT * FROM first UNION ALL SELECT * FROM among
) {_SHOW_PAGE} LIMIT %(limit)b::bigint
""",  # noqa: S608 - pieces from here
)

ONE = Statement(
    name="listing.one",
    purpose="one delivery",
    sql=f"""
SELECT {_SHOWN}, d.recipients_accepted, d.recipients_left, d.request_id, d.requested_at,
       p.attachment_count, x.failure_code AS dead_failure_code,
       x.attempt_count AS dead_attempt_count
FROM deliveries AS d {_WITH_CONTENT} WHERE d.delivery_id = %(delivery_id)b::text
""",  # noqa: S608 - pieces from here
)

# The row of a delivery without attempts has no attempt_no; an unknown delivery has no row.
ATTEMPTS = Statement(
    name="listing.attempts",
    purpose="the attempts of one delivery, oldest first",
    sql="""
SELECT a.attempt_no, a.status, a.phase, a.outcome_unknown, a.smtp_code, a.enhanced_code,
       a.provider_summary, a.failure_code, a.scheduled_for, a.started_at, a.finished_at,
       a.recipients, a.worker_id
FROM deliveries AS d LEFT JOIN attempts AS a ON a.delivery_pk = d.id
WHERE d.delivery_id = %(delivery_id)b::text ORDER BY a.attempt_no
""",
)

DEAD_LETTERS = Statement(
    name="listing.dead_letters",
    purpose="the newest dead letters",
    sql="""
SELECT x.delivery_pk, d.delivery_id, d.source, x.failure_code, x.attempt_count, x.recorded_at
FROM dead_letters AS x JOIN deliveries AS d ON d.id = x.delivery_pk
WHERE (x.recorded_at, x.delivery_pk) < (%(moment)b::timestamptz, %(key)b::bigint)
ORDER BY x.recorded_at DESC, x.delivery_pk DESC LIMIT %(limit)b::bigint
""",
)

MALFORMED_COMMANDS = Statement(
    name="listing.malformed_commands",
    purpose="the newest malformed commands, without their raw fields",
    sql="""
SELECT id, stream_entry_id, delivery_id, source, failure_code, failure_message, recorded_at
FROM malformed_commands WHERE id < %(key)b::bigint ORDER BY id DESC LIMIT %(limit)b::bigint
""",
)
