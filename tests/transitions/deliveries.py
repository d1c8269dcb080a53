"""Deliveries made through the one door, in the states that tests start from, and outcomes for them.

The fixtures are for every folder whose tests move deliveries: its conftest imports them.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from deliveries.models import Delivery, Worker
from deliveries.outcome.verdict import Policy
from deliveries.states import (
    ATTEMPT_MOVES,
    DELIVERY_MOVES,
    AttemptStatus,
    DeliveryStatus,
    FailureCode,
    Phase,
    Source,
)
from deliveries.transitions.claim import claim
from deliveries.transitions.handout import hand_out
from deliveries.transitions.records import AttemptRecord, Completion
from tests import factories
from tests.factories import NewDeliveryFactory

HOUR = timedelta(hours=1)
POLICY = Policy(ladder=(timedelta(minutes=1),), markers=(), retries_unknown=True)
ACCEPTED = AttemptRecord(AttemptStatus.PROVIDER_ACCEPTED, Phase.FINAL, None, smtp_code=250)
FAILED = AttemptRecord(
    AttemptStatus.TRANSPORT_FAILED, Phase.CONNECT, FailureCode.CONNECT_FAILED, summary="refused"
)
SENT = Completion(ACCEPTED, DeliveryStatus.SENT, None, recipients_accepted=1)
RETRY = Completion(FAILED, None, FailureCode.CONNECT_FAILED, retry_after=HOUR)

_WATCH = """
CREATE FUNCTION watch_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT (OLD.status || ' ' || NEW.status) = ANY(ARRAY[{allowed}]) THEN
    RAISE EXCEPTION '{table}: no move from % to %', OLD.status, NEW.status;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER watch_{table} BEFORE UPDATE OF status ON {table}
  FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION watch_{table}();
"""


def delivery(delivery_id="d-1"):
    return Delivery.objects.get(delivery_id=delivery_id)


def later(delta=HOUR):
    return datetime.now(UTC) + delta


@pytest.fixture
def watched(transactional_db):
    """Every move of a delivery is one that `states` allows, or PostgreSQL raises."""
    tables = {"deliveries": DELIVERY_MOVES, "attempts": ATTEMPT_MOVES}
    with connection.cursor() as cursor:
        for table, moves in tables.items():
            pairs = [f"'{old} {new}'" for old, allowed in moves.items() for new in allowed]
            cursor.execute(_WATCH.format(table=table, allowed=", ".join(pairs)))
    yield
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP FUNCTION watch_{table} CASCADE")


@pytest.fixture
def worker():
    return Worker.objects.create(type="attempts", host="h", pid=1, capacity=4, lease_until=later())


@pytest.fixture
def new():
    return lambda delivery_id="d-1", **changes: NewDeliveryFactory(
        delivery_id=delivery_id, **changes
    )


@pytest.fixture
def accept(watched):
    """As that of the factories; what is accepted is watched from then on."""
    return factories.accept


@pytest.fixture
def begin(worker):
    """Hand out what is due and claim it; the rows that the worker got."""

    def take(limit=100):
        for source in Source:
            hand_out(source=source, bound=100, batch=100)
        return claim(worker_id=worker.id, limit=limit, last_lane=2)

    return take
