"""Real processes that export to the tests' own collector."""

import pytest

from tests.collector import Collector
from tests.system.conftest import publish, start

__all__ = ["publish", "start"]


@pytest.fixture
def collector():
    with Collector() as running:
        yield running
