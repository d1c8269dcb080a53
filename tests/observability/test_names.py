"""The dashboard and the alert rules ask for metrics, labels and values that exist."""

import json
import re
from pathlib import Path

import pytest
import yaml

from deliveries.intake.rejection import RejectionCode
from deliveries.states import AttemptStatus, FailureCode, Source
from tests.observability.prometheus import KNOWN, base_name, names_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "observability"
RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

VALUES = {
    "failure_code": {*FailureCode, *RejectionCode, ""},
    "status": set(AttemptStatus),
    "source": set(Source),
}
METRIC = re.compile(r"\bmail_[a-z_]+\b(?:\{(?P<matchers>[^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
# incidents that no metric of the service shows, and where they do show
UNSEEN = {
    "postgresql-is-slow": "doctor",
    "postgresql-is-away": "the absence of the gauges",
    "redis-is-away": "the absence of the lag",
    "cursor-ahead-of-the-stream": "the gap that it is counted as",
    "telemetry-is-not-exported": "logs",
}


def expressions() -> list[str]:
    alerts = [alert["expr"] for alert in ALERTS]
    return alerts + [target["expr"] for panel in PANELS for target in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_names_what_exists(expression):
    found = list(METRIC.finditer(expression))
    assert found
    labels = {"le"}
    for use in found:
        metric = KNOWN[use[0].split("{")[0]]
        labels |= set(metric.labels)
        for label, operator, value in MATCHER.findall(use["matchers"] or ""):
            assert label in metric.labels
            values = value.split("|") if operator in {"=~", "!~"} else [value]
            assert set(values) <= {str(known) for known in VALUES[label]}
    for group in GROUPED.findall(expression):
        assert {label.strip() for label in group.split(",")} <= labels
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("expression", expressions())
def test_a_counter_is_asked_for_its_increase_or_its_existence(expression):
    for use in METRIC.finditer(expression):
        if KNOWN[use[0].split("{")[0]].kind != "gauge":
            before = expression[: use.start()]
            assert before.endswith(("rate(", "increase(", "absent("))


def test_every_metric_is_on_the_dashboard():
    shown = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    for metric in set(map(base_name, KNOWN.values())):
        assert metric in shown


def test_every_incident_that_metrics_show_has_an_alert():
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    incidents = runbook.split("\n## Incidents\n")[1].split("\n## ")[0]
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^### (.+)$", incidents, re.MULTILINE)
    }
    alerted = {alert["annotations"]["runbook"].removeprefix("docs/runbook.md#") for alert in ALERTS}
    assert alerted == anchors - UNSEEN.keys()
    assert UNSEEN.keys() <= anchors


def test_alerts_are_whole():
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert["labels"]["severity"] in {"warning", "critical"}
        assert alert["annotations"]["summary"].endswith(".")
        assert re.fullmatch(r"\d+[mh]", alert.get("for", "1m"))


def test_panels_have_places_of_their_own():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


def test_the_translation_of_names():
    by_name = {metric.name: metric for metric in KNOWN.values()}
    assert names_of(by_name["mail.delivery.sent"]) == {"mail_delivery_sent_total"}
    assert names_of(by_name["mail.attempt_schedule.depth"]) == {"mail_attempt_schedule_depth"}
    assert names_of(by_name["mail.provider.send.duration_ms"]) == {
        "mail_provider_send_duration_ms_milliseconds_bucket",
        "mail_provider_send_duration_ms_milliseconds_sum",
        "mail_provider_send_duration_ms_milliseconds_count",
    }
