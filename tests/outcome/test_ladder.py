from datetime import timedelta

import pytest

from deliveries.outcome.ladder import rung_after

LADDER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))


@pytest.mark.parametrize(
    ("attempt_no", "wait"),
    [(1, LADDER[0]), (2, LADDER[1]), (3, LADDER[2]), (4, None), (5, None)],
)
def test_a_ladder_of_three_rungs_allows_four_attempts(attempt_no, wait):
    assert rung_after(attempt_no=attempt_no, ladder=LADDER) == wait


def test_attempts_are_numbered_from_one():
    with pytest.raises(ValueError, match="from 1"):
        rung_after(attempt_no=0, ladder=LADDER)
