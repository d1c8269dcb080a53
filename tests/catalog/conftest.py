"""A catalog that is right, to be spoilt one file at a time."""

import json

import pytest

from deliveries.catalog.catalog import CatalogError, Part, Template, load_catalog
from deliveries.catalog.sandbox import Sandbox, compile_part

GOOD = {
    "news.hello/template.json": json.dumps(
        {
            "variables": {"required": ["name"], "optional": ["note"]},
            "examples": [{"name": "Ada", "note": "Until tomorrow"}],
        },
        indent=1,
    ),
    "news.hello/en/subject.txt": "Hello {{ name }}\n",
    "news.hello/en/text.txt": "Hello {{ name }}\n{% if note %}\n{{ note }}\n{% endif %}\n",
    "news.hello/en/html.html": "<p>Hello {{ name }}{% if note %} {{ note }}{% endif %}</p>\n",
    "news.hello/de/subject.txt": "Hallo {{ name }}\n",
    "news.hello/de/text.txt": "Hallo {{ name }}\n{{ note or 'Bis dann' }}\n",
    "news.hello/de/html.html": "<p>Hallo {{ name }} {{ note or '' }}</p>\n",
}


class Shelf:
    """A catalog's folder on disk."""

    def __init__(self, root):
        self.root = root
        for name, content in GOOD.items():
            self.write(name, content)

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def remove(self, *names):
        for name in names:
            (self.root / name).unlink()

    def load(self, default_locale="en"):
        return load_catalog(directory=self.root, default_locale=default_locale)

    def problems(self, default_locale="en"):
        """What the load says, each line without the folder's own path."""
        with pytest.raises(CatalogError) as caught:
            self.load(default_locale)
        lines = str(caught.value).splitlines()
        assert lines == [str(problem) for problem in caught.value.problems]
        assert all(line.startswith(str(self.root)) for line in lines)
        return [line.removeprefix(str(self.root)).removeprefix("/") for line in lines]


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "templates")


@pytest.fixture
def unchecked(shelf):
    """A template of this text part that no example has been tried on."""

    def unchecked(text, *, locale="en"):
        sandbox = Sandbox()
        parts = {
            part: compile_part(sandbox=sandbox, tree=sandbox.parse(source), name=f"t/en/{part}")
            for part, source in ((Part.SUBJECT, "s"), (Part.TEXT, text))
        }
        return Template(
            template_id="t",
            locale_used=locale,
            required=frozenset({"it"}),
            optional=frozenset({"other", "data"}),
            unused=frozenset(),
            parts=parts,
        )

    return unchecked
