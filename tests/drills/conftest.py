"""Drills run on the real stack: processes, servers, a scripted relay and a collector."""

from contextlib import ExitStack

import pytest

from tests.collector.collector import Collector
from tests.drills.drill import Drill


@pytest.fixture
def drill(service, redis_client, transactional_db):
    with ExitStack() as stack:
        collector = stack.enter_context(Collector())
        yield Drill(service=service, redis=redis_client, collector=collector, stack=stack)
        # before what they talk to goes away
        service.close()
