"""The names that metrics have in Prometheus, after its translation of OTLP.

With the default strategy of its OTLP receiver, and of the collector's Prometheus exporters: dots
become underscores, the unit is appended where the name does not end with it, counters get `_total`;
a unit in braces is a remark and is dropped.
"""

import re

from deliveries.telemetry.metrics import METRICS, Metric

_UNITS = {"ms": "milliseconds", "s": "seconds", "By": "bytes"}


def names_of(metric: Metric) -> set[str]:
    """Of one metric, as a query names its series."""
    name = base_name(metric)
    if metric.kind == "histogram":
        return {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return {name}


def base_name(metric: Metric) -> str:
    parts = re.sub(r"[^A-Za-z0-9]+", "_", metric.name).strip("_").split("_")
    unit = "" if metric.unit.startswith("{") else _UNITS[metric.unit]
    if unit and unit not in parts:
        parts.append(unit)
    if metric.kind == "counter":
        parts = [part for part in parts if part != "total"] + ["total"]
    return "_".join(parts)


KNOWN = {name: metric for metric in METRICS for name in names_of(metric)}
