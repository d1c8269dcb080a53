"""What doctor asks costs no more with many rows than with few."""

import pytest

from deliveries.diagnosis.gathering.outcomes import (
    DEAD_LETTERS,
    DURATIONS,
    ENDINGS,
    MALFORMED,
    NEWEST,
    SUPPRESSED,
    UNMATCHED,
)
from deliveries.diagnosis.gathering.retention import LATE
from deliveries.diagnosis.gathering.schedule import HANDED_OUT, IN_PROGRESS, LANE, MOST
from tests.plans import check_plan, custom_plan, filled

__all__ = ["filled"]

pytestmark = pytest.mark.slow

_WEEK = "7 days"
CASES = [
    (ENDINGS, {"newest": NEWEST}),
    (DURATIONS, {}),
    (DEAD_LETTERS, {"newest": NEWEST}),
    (SUPPRESSED, {"newest": NEWEST}),
    (UNMATCHED, {"newest": NEWEST, "most": 5}),
    (MALFORMED, {"newest": NEWEST}),
    (LATE, {"oldest": 1000, "delivery": _WEEK, "payload": _WEEK, "malformed": _WEEK}),
    (LANE, {"source": "notification", "most": MOST}),
    (HANDED_OUT, {"most": MOST}),
    (IN_PROGRESS, {"most": MOST}),
]


def test_no_large_table_is_read_whole(filled):
    for statement, parameters in CASES:
        check_plan(statement, custom_plan(statement, parameters))
