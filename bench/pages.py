"""The rows and the pages of the lists that are measured."""

import psycopg

# A tenth of what there is is no `sent` mail; 20 mails an address, 1 in 50 to several.
_FILL = """
TRUNCATE deliveries, delivery_payloads, dead_letters, idempotency_reservations, attempts CASCADE;
INSERT INTO deliveries (delivery_id, source, payload_mode, status, idempotency_key, fingerprint,
    message_id, requested_at, created_at, next_attempt_at, finished_at, attempt_count)
SELECT 'd-' || n, 'notification', 'rendered', status, 'key-' || n, sha256(n::text::bytea),
    '<' || n || '@example.com>', moment, moment,
    CASE WHEN status = 'queued' THEN moment END, CASE WHEN status <> 'queued' THEN moment END, 1
FROM (
  SELECT n, now() - (%(count)s - n) * interval '2.5 s' AS moment,
    CASE WHEN n %% 100 < 90 THEN 'sent' ELSE
      (ARRAY['failed', 'dead_letter', 'suppressed', 'queued'])[1 + n %% 4] END AS status
  FROM generate_series(1, %(count)s) AS n) AS made;
INSERT INTO delivery_payloads (delivery_pk, mailboxes, subject, text_body, content_bytes)
SELECT d.id, jsonb_build_object('to', jsonb_build_array(jsonb_build_object(
      'email', 'reader-' || d.id %% greatest(1, %(count)s / 20) || '@example.org', 'name', '')))
    || CASE WHEN d.id %% 50 = 0 THEN jsonb_build_object('cc', jsonb_build_array(jsonb_build_object(
      'email', 'reader-' || (d.id + 7) %% greatest(1, %(count)s / 20) || '@example.org',
      'name', ''))) ELSE '{}' END,
    'Report ' || d.id, repeat('text ', 40), 200
FROM deliveries AS d;
INSERT INTO dead_letters (delivery_pk, failure_code, reason, attempt_count, recorded_at)
SELECT id, 'timeout', 'timeout', 4, created_at FROM deliveries WHERE status = 'dead_letter';
"""


# What the API guarantees without a time window. A page is full in the small table too.
PAGES = {
    "newest": "deliveries?limit=20",
    **{
        status: f"deliveries?status={status}&limit=20"
        for status in ("failed", "dead_letter", "suppressed", "queued")
    },
    "recipient": "deliveries?recipient=reader-7@example.org&limit=20",
    "recipient and status": "deliveries?recipient=reader-7@example.org&status=sent&limit=20",
    "idempotency key": "deliveries?idempotency_key=key-500&limit=20",
    "dead letters": "dead-letters?limit=20",
}
DEEP = "newest, tenth page"


def fill(connection: psycopg.Connection, count: int) -> None:
    """Replace what is there by `count` deliveries. The connection is in autocommit."""
    cursor = psycopg.ClientCursor(connection)
    cursor.execute("SET search_path = mail; SET statement_timeout = 0")
    for statement in _FILL.split(";\n"):
        if statement.strip():
            cursor.execute(statement, {"count": count})
    for table in ("deliveries", "delivery_payloads", "dead_letters"):
        cursor.execute(f"VACUUM ANALYZE {table}")
