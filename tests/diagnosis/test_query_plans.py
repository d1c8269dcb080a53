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
from tests.test_query_plans import LARGE, custom_plan, filled, nodes  # noqa: F401 - a fixture

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


def test_no_large_table_is_read_whole(filled):  # noqa: F811
    for statement, parameters in CASES:
        found = nodes(custom_plan(statement, parameters))
        whole = {node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"} & LARGE
        assert not whole, f"{statement.name} reads {whole} whole"
