"""The statements that remove what a delivery no longer needs, and what never became one.

Each looks at one page of keys, so it needs no index of its own on the busy tables; keys are drawn
in the order of acceptance, so the first page without anything old enough is the last. Rows that
somebody holds are passed over, never waited for. All answer with one row: `last` and `reached` as
in `transitions.removal`, and a count for each table under the table's name.
"""

from deliveries.database import Statement

# Content is measured as well as counted: the bytes decide how long a transaction is.
REMOVE_PAYLOADS = Statement(
    name="retention.remove_payloads",
    purpose="remove the content of the deliveries of one page that ended long enough ago",
    sql="""
WITH page AS MATERIALIZED (
  SELECT delivery_pk, content_bytes FROM delivery_payloads
  WHERE delivery_pk > %(after)b::bigint ORDER BY delivery_pk LIMIT %(batch)b::bigint
), judged AS MATERIALIZED (
  SELECT id, created_at < now() - %(keep)b::interval AS reached,
         status IN ('sent', 'suppressed', 'failed', 'dead_letter')
           AND finished_at < now() - %(keep)b::interval AS ended
  FROM deliveries WHERE id = ANY(ARRAY(SELECT delivery_pk FROM page))
), weighed AS MATERIALIZED (
  SELECT p.delivery_pk, j.reached, j.ended, coalesce(
      sum(p.content_bytes::bigint) FILTER (WHERE j.ended) OVER (
        ORDER BY p.delivery_pk ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
  FROM page AS p JOIN judged AS j ON j.id = p.delivery_pk
), taken AS MATERIALIZED (
  SELECT * FROM weighed WHERE before < %(most_bytes)b::bigint
), old AS MATERIALIZED (
  SELECT delivery_pk FROM delivery_payloads
  WHERE delivery_pk = ANY(ARRAY(SELECT delivery_pk FROM taken WHERE ended))
  FOR UPDATE SKIP LOCKED
), files AS (
  DELETE FROM attachments WHERE delivery_pk = ANY(ARRAY(SELECT delivery_pk FROM old)) RETURNING 1
), content AS (
  DELETE FROM delivery_payloads
  WHERE delivery_pk = ANY(ARRAY(SELECT delivery_pk FROM old)) RETURNING 1
)
SELECT (SELECT max(delivery_pk) FROM taken) AS last,
       EXISTS (SELECT FROM taken WHERE reached) AS reached,
       (SELECT count(*) FROM content) AS delivery_payloads,
       (SELECT count(*) FROM files) AS attachments
""",
)

# `keep` is only how far to look: a reservation says itself when it ends.
REMOVE_RESERVATIONS = Statement(
    name="retention.remove_reservations",
    purpose="remove the reservations of one page that have expired",
    sql="""
WITH page AS MATERIALIZED (
  SELECT delivery_pk, expires_at FROM idempotency_reservations
  WHERE delivery_pk > %(after)b::bigint ORDER BY delivery_pk LIMIT %(batch)b::bigint
), old AS MATERIALIZED (
  SELECT delivery_pk FROM idempotency_reservations
  WHERE delivery_pk = ANY(ARRAY(SELECT delivery_pk FROM page WHERE expires_at <= now()))
    AND expires_at <= now()
  FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM idempotency_reservations
  WHERE delivery_pk = ANY(ARRAY(SELECT delivery_pk FROM old)) AND expires_at <= now()
  RETURNING 1
)
SELECT (SELECT max(delivery_pk) FROM page) AS last,
       EXISTS (SELECT FROM deliveries AS d
               WHERE d.id = ANY(ARRAY(SELECT delivery_pk FROM page))
                 AND d.created_at < now() - %(keep)b::interval) AS reached,
       (SELECT count(*) FROM gone) AS idempotency_reservations
""",
)

ERASE_RAW_FIELDS = Statement(
    name="retention.erase_raw_fields",
    purpose="erase what old malformed commands said, and leave why they were refused",
    sql="""
WITH page AS MATERIALIZED (
  SELECT id, recorded_at FROM malformed_commands
  WHERE raw_fields IS NOT NULL AND id > %(after)b::bigint ORDER BY id LIMIT %(batch)b::bigint
), old AS MATERIALIZED (
  SELECT id FROM malformed_commands
  WHERE id = ANY(ARRAY(SELECT id FROM page WHERE recorded_at < now() - %(keep)b::interval))
  FOR UPDATE SKIP LOCKED
), erased AS (
  UPDATE malformed_commands SET raw_fields = NULL
  WHERE id = ANY(ARRAY(SELECT id FROM old)) RETURNING 1
)
SELECT (SELECT max(id) FROM page) AS last,
       EXISTS (SELECT FROM page WHERE recorded_at < now() - %(keep)b::interval) AS reached,
       (SELECT count(*) FROM erased) AS raw_fields
""",
)

REMOVE_MALFORMED = Statement(
    name="retention.remove_malformed",
    purpose="remove the malformed commands of one page that were recorded long enough ago",
    sql="""
WITH page AS MATERIALIZED (
  SELECT id, recorded_at FROM malformed_commands
  WHERE id > %(after)b::bigint ORDER BY id LIMIT %(batch)b::bigint
), old AS MATERIALIZED (
  SELECT id FROM malformed_commands
  WHERE id = ANY(ARRAY(SELECT id FROM page WHERE recorded_at < now() - %(keep)b::interval))
  FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM malformed_commands WHERE id = ANY(ARRAY(SELECT id FROM old)) RETURNING 1
)
SELECT (SELECT max(id) FROM page) AS last,
       EXISTS (SELECT FROM page WHERE recorded_at < now() - %(keep)b::interval) AS reached,
       (SELECT count(*) FROM gone) AS malformed_commands
""",
)

REMOVE_WORKERS = Statement(
    name="retention.remove_workers",
    purpose="remove the rows of processes that ended long enough ago",
    sql="""
WITH page AS MATERIALIZED (
  SELECT id, started_at, last_seen_at, lease_until FROM workers
  WHERE id > %(after)b::bigint ORDER BY id LIMIT %(batch)b::bigint
), old AS MATERIALIZED (
  SELECT id FROM workers
  WHERE id = ANY(ARRAY(SELECT id FROM page)) AND lease_until < now()
    AND last_seen_at < now() - %(keep)b::interval
  FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM workers WHERE id = ANY(ARRAY(SELECT id FROM old)) RETURNING 1
)
SELECT (SELECT max(id) FROM page) AS last,
       EXISTS (SELECT FROM page WHERE started_at < now() - %(keep)b::interval) AS reached,
       (SELECT count(*) FROM gone) AS workers
""",
)
