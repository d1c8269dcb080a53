"""docs/templates.md: what it shows works, and its tables say what the code says."""

import re
from pathlib import Path

from deliveries.catalog.bounds import CALL, LONGEST, STEPS
from deliveries.catalog.catalog import load_catalog, render
from deliveries.catalog.rendering import LONGEST_SUBJECT
from deliveries.catalog.sandbox import REFUSED_FILTERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "templates.md").read_text()


def test_the_example_is_a_catalog(tmp_path):
    files = re.findall(r"^`([\w./]+)`:\n\n```\w*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for name, content in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    catalog = load_catalog(directory=tmp_path, default_locale="en")
    rendered = render(catalog.find("news.welcome", "en"), {"name": "Ada"})

    assert (rendered.subject, rendered.text_body) == ("Welcome, Ada", "Welcome, Ada.\n")


def test_shipped_templates_are_listed_with_their_variables():
    catalog = load_catalog(directory=ROOT / "templates", default_locale="en")
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) \| en, de \|$", PAGE, re.MULTILINE))

    assert tuple(sorted(rows)) == catalog.template_ids
    for template_id, row in rows.items():
        template = catalog.find(template_id, "en")
        required, _, optional = row.partition("[")
        assert set(re.findall(r"`(\w+)`", required)) == template.required
        assert set(re.findall(r"`(\w+)`", optional)) == template.optional


def test_bounds_and_refused_filters_are_told():
    assert f"{STEPS:,} steps" in PAGE
    assert CALL == 10
    assert "macro ten" in PAGE
    assert f"{LONGEST // 2**20} MiB" in PAGE
    assert f"{LONGEST_SUBJECT} characters" in PAGE
    refused = re.search(r"^Not offered: (.*)\.$", PAGE, re.MULTILINE)[1]
    assert re.findall(r"`(\w+)`", refused) == list(REFUSED_FILTERS)
