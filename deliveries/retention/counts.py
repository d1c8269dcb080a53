"""The statements that count what would be removed. They read only, and answer as `removals` do.

One page of keys each, because a count over a table of many millions would run into the time limit.
"""

from deliveries.database import Statement

COUNT_PAYLOADS = Statement(
    name="retention.count_payloads",
    purpose="count the content of one page that is kept no longer",
    sql="""
WITH page AS MATERIALIZED (
  SELECT delivery_pk FROM delivery_payloads
  WHERE delivery_pk > %(after)b::bigint ORDER BY delivery_pk LIMIT %(batch)b::bigint
), judged AS MATERIALIZED (
  SELECT id, created_at, status IN ('sent', 'suppressed', 'failed', 'dead_letter')
           AND finished_at < now() - %(keep)b::interval AS ended
  FROM deliveries WHERE id = ANY(ARRAY(SELECT delivery_pk FROM page))
)
SELECT (SELECT max(delivery_pk) FROM page) AS last,
       EXISTS (SELECT FROM judged WHERE created_at < now() - %(keep)b::interval) AS reached,
       (SELECT count(*) FROM judged WHERE ended) AS delivery_payloads,
       (SELECT count(*) FROM attachments
        WHERE delivery_pk = ANY(ARRAY(SELECT id FROM judged WHERE ended))) AS attachments
""",
)

COUNT_RESERVATIONS = Statement(
    name="retention.count_reservations",
    purpose="count the reservations of one page that have expired",
    sql="""
WITH page AS MATERIALIZED (
  SELECT delivery_pk, expires_at FROM idempotency_reservations
  WHERE delivery_pk > %(after)b::bigint ORDER BY delivery_pk LIMIT %(batch)b::bigint
)
SELECT (SELECT max(delivery_pk) FROM page) AS last,
       EXISTS (SELECT FROM deliveries AS d
               WHERE d.id = ANY(ARRAY(SELECT delivery_pk FROM page))
                 AND d.created_at < now() - %(keep)b::interval) AS reached,
       (SELECT count(*) FROM page WHERE expires_at <= now()) AS idempotency_reservations
""",
)

# Content and expired reservations do not count here: they would be gone before.
COUNT_DELIVERIES = Statement(
    name="retention.count_deliveries",
    purpose="count the deliveries of one page that are kept no longer",
    sql="""
WITH page AS MATERIALIZED (
  SELECT id, created_at, finished_at, status FROM deliveries
  WHERE id > %(after)b::bigint ORDER BY id LIMIT %(batch)b::bigint
), old AS MATERIALIZED (
  SELECT id FROM page
  WHERE status IN ('sent', 'suppressed', 'failed', 'dead_letter')
    AND finished_at < now() - %(keep)b::interval
    AND id <> ALL(ARRAY(SELECT delivery_pk FROM idempotency_reservations
                        WHERE delivery_pk = ANY(ARRAY(SELECT id FROM page))
                          AND expires_at > now()))
)
SELECT (SELECT max(id) FROM page) AS last,
       EXISTS (SELECT FROM page WHERE created_at < now() - %(keep)b::interval) AS reached,
       (SELECT count(*) FROM old) AS deliveries,
       (SELECT count(*) FROM attempts
        WHERE delivery_pk = ANY(ARRAY(SELECT id FROM old))) AS attempts,
       (SELECT count(*) FROM dead_letters
        WHERE delivery_pk = ANY(ARRAY(SELECT id FROM old))) AS dead_letters
""",
)

COUNT_RAW_FIELDS = Statement(
    name="retention.count_raw_fields",
    purpose="count the malformed commands of one page whose fields are kept no longer",
    sql="""
WITH page AS MATERIALIZED (
  SELECT id, recorded_at < now() - %(keep)b::interval AS old FROM malformed_commands
  WHERE raw_fields IS NOT NULL AND id > %(after)b::bigint ORDER BY id LIMIT %(batch)b::bigint
)
SELECT max(id) AS last, bool_or(old) AS reached, count(*) FILTER (WHERE old) AS raw_fields
FROM page
""",
)

COUNT_MALFORMED = Statement(
    name="retention.count_malformed",
    purpose="count the malformed commands of one page that are kept no longer",
    sql="""
WITH page AS MATERIALIZED (
  SELECT id, recorded_at < now() - %(keep)b::interval AS old FROM malformed_commands
  WHERE id > %(after)b::bigint ORDER BY id LIMIT %(batch)b::bigint
)
SELECT max(id) AS last, bool_or(old) AS reached, count(*) FILTER (WHERE old) AS malformed_commands
FROM page
""",
)

COUNT_WORKERS = Statement(
    name="retention.count_workers",
    purpose="count the rows of one page whose processes ended long enough ago",
    sql="""
WITH page AS MATERIALIZED (
  SELECT id, started_at < now() - %(keep)b::interval AS started,
         last_seen_at < now() - %(keep)b::interval AND lease_until < now() AS old
  FROM workers WHERE id > %(after)b::bigint ORDER BY id LIMIT %(batch)b::bigint
)
SELECT max(id) AS last, bool_or(started) AS reached, count(*) FILTER (WHERE old) AS workers
FROM page
""",
)
