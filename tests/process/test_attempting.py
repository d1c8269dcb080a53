"""How long the attempts process may hold what it has not begun."""

import pytest

from deliveries.process.attempting import _longest_wait
from tests.conf.environment import load_with


@pytest.mark.parametrize(
    ("lease", "longest"), [("15s", 5.0), ("10m", 5.0), ("6s", 2.0), ("3s", 1.0)]
)
def test_a_wait_leaves_most_of_the_lease(lease, longest):
    assert _longest_wait(load_with({"MAIL_WORKER_LEASE": lease})) == longest
