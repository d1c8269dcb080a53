"""Deliveries made through the one door, in the states that the tests start from."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from deliveries.models import Worker
from deliveries.states import (
    ATTEMPT_MOVES,
    DELIVERY_MOVES,
    Source,
)
from deliveries.transitions.claim import claim
from deliveries.transitions.handout import hand_out
from tests import factories
from tests.factories import NewDeliveryFactory

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


@pytest.fixture(autouse=True)
def watched(transactional_db):
    """Every move that a test here makes is one that `states` allows, or PostgreSQL raises."""
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
    until = datetime.now(UTC) + timedelta(hours=1)
    return Worker.objects.create(type="attempts", host="h", pid=1, capacity=4, lease_until=until)


@pytest.fixture
def new():
    return lambda delivery_id="d-1", **changes: NewDeliveryFactory(
        delivery_id=delivery_id, **changes
    )


@pytest.fixture
def accept():
    return factories.accept


@pytest.fixture
def begin(worker):
    """Hand out what is due and claim it; the rows that the worker got."""

    def take(limit=100):
        for source in Source:
            hand_out(source=source, bound=100, batch=100)
        return claim(worker_id=worker.id, limit=limit, last_lane=2)

    return take
