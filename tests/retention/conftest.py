"""Deliveries of any state and age, with all that hangs on one."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from deliveries.retention.pruner import Pruner

DAY = timedelta(days=1)

# Every one has a payload, a reservation, two attachments and an attempt; a dead letter its entry.
_FILL = """
WITH made AS (
  INSERT INTO deliveries (delivery_id, source, payload_mode, status, idempotency_key, fingerprint,
      message_id, requested_at, created_at, next_attempt_at, finished_at, attempt_count)
  SELECT %(name)s || '-' || n, 'notification', 'rendered', %(status)s, 'k-' || %(name)s || '-' || n,
      '\\x00', '<m@x>', now() - %(age)s, now() - %(age)s,
      CASE WHEN %(status)s IN ('queued', 'rendered') THEN now() END,
      CASE WHEN %(status)s IN ('sent', 'suppressed', 'failed', 'dead_letter')
           THEN now() - %(ended)s END, 1
  FROM generate_series(1, %(count)s) AS n RETURNING id, source, idempotency_key
), payloads AS (
  INSERT INTO delivery_payloads (delivery_pk, mailboxes, attachment_count, content_bytes)
  SELECT id, '{}', 2, %(content_bytes)s FROM made
), files AS (
  INSERT INTO attachments (delivery_pk, position, filename, content_type, content)
  SELECT id, place, 'f', 'text/plain', '\\x00' FROM made, generate_series(0, 1) AS place
), attempts AS (
  INSERT INTO attempts (delivery_pk, attempt_no, lane, status, scheduled_for, worker_id,
                        started_at, finished_at)
  SELECT id, 1, 2, 'timed_out', now(), 1, now(), now() FROM made
), dead AS (
  INSERT INTO dead_letters (delivery_pk, failure_code, reason, attempt_count)
  SELECT id, 'timeout', 'timeout', 1 FROM made WHERE %(status)s = 'dead_letter'
)
INSERT INTO idempotency_reservations
  (source, idempotency_key, delivery_pk, fingerprint, expires_at)
SELECT source, idempotency_key, id, '\\x00', now() + %(key_left)s FROM made
"""


@pytest.fixture
def fill(transactional_db):
    """Make `count` deliveries accepted `age` ago and, where they are over, ended `ended` ago."""

    def make(name, *, count=1, status="sent", age=40 * DAY, ended=None, key_left=-DAY, size=1):
        with connection.cursor() as cursor:
            cursor.execute(
                _FILL,
                {
                    "name": name,
                    "count": count,
                    "status": status,
                    "age": age,
                    "ended": age if ended is None else ended,
                    "key_left": key_left,
                    "content_bytes": size,
                },
            )

    return make


class Round:
    """A pruner that rests for no time; counts what it was told it removed."""

    def __init__(self, *, leads=True, **changes):
        self.removed = []
        self.rests = []
        self.resigned = 0
        self.pruner = Pruner(
            config=settings.MAIL,
            lead=lambda: 1 if leads else None,
            resign=self._resign,
            rest=self.rests.append,
            on_removed=self.removed.append,
            **changes,
        )

    def _resign(self):
        self.resigned += 1

    def run(self):
        """A whole round; the totals, by table."""
        while self.pruner.step():
            pass
        return self.totals

    @property
    def totals(self):
        tables = {table for removed in self.removed for table in removed}
        return {table: sum(r.get(table, 0) for r in self.removed) for table in tables}


@pytest.fixture
def new_round(transactional_db):
    return Round
