"""Every statement of retention goes by a key, on 200,000 deliveries, and reads no table whole."""

from datetime import timedelta

import pytest
from django.db import connection

from deliveries.retention import counts, removals
from deliveries.transitions.removal import REMOVE
from tests.plans import LARGE, check_plan, custom_plan, filled, generic_plan

__all__ = ["filled"]

pytestmark = pytest.mark.slow

LARGE_HERE = LARGE | {"malformed_commands", "dead_letters"}

# Half of them are over and old, and without content as in a database of many months.
AGE = """
UPDATE deliveries SET created_at = now() - interval '40 d', finished_at = now() - interval '40 d'
WHERE status = 'sent' AND id <= (SELECT min(id) + 100000 FROM deliveries);
DELETE FROM delivery_payloads
WHERE delivery_pk <= (SELECT min(id) + 50000 FROM deliveries);
INSERT INTO attachments (delivery_pk, position, filename, content_type, content)
SELECT delivery_pk, 0, 'f', 'text/plain', '' FROM delivery_payloads;
INSERT INTO malformed_commands (stream, stream_entry_id, failure_code, failure_message, raw_fields,
                                recorded_at)
SELECT 's', n || '-0', 'missing_field', 'm', CASE WHEN n > 49000 THEN ARRAY['\\x00'::bytea] END,
       now() - interval '8 d'
FROM generate_series(1, 50000) AS n;
INSERT INTO dead_letters (delivery_pk, failure_code, reason, attempt_count)
SELECT id, 'timeout', 'timeout', 4 FROM deliveries WHERE id % 10 = 0;
VACUUM ANALYZE deliveries;
ANALYZE delivery_payloads, attachments, malformed_commands, dead_letters;
"""

CASES = [
    (REMOVE, {"deliveries_pkey", "attempts_attempt_no", "delivery_payloads_pkey"}),
    (counts.COUNT_DELIVERIES, {"deliveries_pkey"}),
    (removals.REMOVE_PAYLOADS, {"delivery_payloads_pkey", "deliveries_pkey"}),
    (counts.COUNT_PAYLOADS, {"delivery_payloads_pkey", "deliveries_pkey"}),
    (removals.REMOVE_RESERVATIONS, {"deliveries_pkey"}),
    (counts.COUNT_RESERVATIONS, {"deliveries_pkey"}),
    (removals.ERASE_RAW_FIELDS, {"malformed_commands_raw_fields"}),
    (counts.COUNT_RAW_FIELDS, {"malformed_commands_raw_fields"}),
    (removals.REMOVE_MALFORMED, {"malformed_commands_pkey"}),
    (counts.COUNT_MALFORMED, {"malformed_commands_pkey"}),
]


@pytest.fixture(scope="module")
def aged(filled):
    with connection.cursor() as cursor:
        for statement in AGE.split(";\n"):
            cursor.execute(statement)


@pytest.mark.parametrize("plan_of", [custom_plan, generic_plan])
def test_every_statement_goes_by_its_key(aged, plan_of):
    for statement, indexes in CASES:
        parameters = {"after": 1000, "batch": 2000, "keep": timedelta(days=30)}
        if "most_bytes" in statement.sql:
            parameters["most_bytes"] = 64 * 1024 * 1024
        check_plan(statement, plan_of(statement, parameters), indexes=indexes, large=LARGE_HERE)
