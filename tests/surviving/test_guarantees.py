"""docs/guarantees.md tells of every crash point, and names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

from deliveries.crash import Point
from tests.stack.servers import CHECKOUT
from tests.surviving import test_kill_points
from tests.surviving.kill_points import KILLED

PAGE = (Path(CHECKOUT) / "docs" / "guarantees.md").read_text("utf-8")
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| ---")
]
HEADS = ("| promise |", "| point |")
TOLD = [row for row in ROWS if not row.startswith(HEADS)]


def named(row):
    """The tests that a row's last cell names."""
    return re.findall(r"`([\w/]+\.py)::(\w+)`", row.rpartition(" | ")[2])


def functions_in(file):
    tree = ast.parse((Path(CHECKOUT) / "tests" / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", TOLD, ids=lambda row: row.split("|")[1].strip()[:60])
def test_every_line_names_tests_that_exist(row):
    assert named(row)
    for file, name in named(row):
        assert name in functions_in(file), f"{file} has no {name}"


def test_every_crash_point_has_its_row_and_its_tests():
    told = {
        match[1]: {name for _, name in named(row)}
        for row in TOLD
        if (match := re.match(r"\| `(\w+)` \|", row))
    }
    assert test_kill_points.KILLED is KILLED
    assert told == {point.value: set(names) for point, names in KILLED.items()}
    assert set(told) == {point.value for point in Point}
