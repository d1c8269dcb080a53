"""docs/telemetry.md says what the code does: metrics, spans, attributes and log messages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import deliveries
from deliveries.states import Phase
from deliveries.telemetry import facts, spans
from deliveries.telemetry.metrics import METRICS
from tests.observability.prometheus import base_name

PACKAGE = Path(deliveries.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "telemetry.md").read_text()
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
PROCESSES = ("%s started", "%s stopped")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table whose header begins so."""
    table = text.split(f"| {header} |")[1].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in table]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_metrics_are_those_that_are_declared():
    documented = [
        (*code(name), kind, *code(unit), tuple(code(labels)), meaning, *code(prometheus))
        for name, kind, unit, labels, meaning, prometheus in rows(section("Metrics"), "name")
    ]
    assert documented == [
        (m.name, m.kind, m.unit, m.labels, m.description, base_name(m)) for m in METRICS
    ]


def test_the_spans_and_their_attributes_are_those_that_are_made():
    traces = section("Traces")
    named = [code(row[0])[0] for row in rows(traces, "span") if code(row[0])]
    assert named == list(spans.NAMES)
    documented = {code(row[0])[0] for row in rows(traces, "attribute")}
    made = {
        node.value
        for module in (facts, spans)
        for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"mail\.[a-z_.]+", node.value)
    }
    assert documented == made
    events = traces.split("Events of `smtp send`")[1].split(", each at")[0]
    assert code(events) == list(Phase)


def log_calls() -> Iterator[ast.expr]:
    """The message of every call of a logger."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner, level = ast.unparse(node.func.value), node.func.attr
                if level in LEVELS and owner.split("(")[0].endswith(("logger", "getLogger")):
                    yield node.args[level == "log"]


def texts() -> set[str]:
    return {
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_log_message_is_documented_and_no_other():
    documented = {code(row[0])[0] for row in rows(section("Logs"), "message")}
    calls = list(log_calls())
    literal = {call.value for call in calls if isinstance(call, ast.Constant)}
    assert len(calls) > 40
    assert literal - documented - set(PROCESSES) == set()
    known = texts()
    of_processes = {form % title for form in PROCESSES for title in known if title.strip()}
    assert documented - known - of_processes == set()


def test_what_varies_is_never_in_a_message():
    for call in log_calls():
        assert isinstance(call, ast.Constant | ast.Name), ast.unparse(call)
