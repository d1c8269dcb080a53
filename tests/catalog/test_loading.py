"""What is wrong with a template is known when the catalog is read, with its path and line."""

import json

import pytest

TEXT = "news.hello/en/text.txt"


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (
            "{{ name }}\n{% if note %}\n",
            2,
            "does not parse: Unexpected end of template. Jinja was looking for",
        ),
        ("a\nb\n{{ name", 3, "does not parse: unexpected end of template"),
        ("\n{{ name }} {{ }}", 2, "does not parse: Expected an expression, got 'end of print"),
        ("{% trans %}x{% endtrans %}", 1, "does not parse: Encountered unknown tag 'trans'."),
        ("{{ name }}\n{{ nmae }}", 2, "the variable 'nmae' is not declared in template.json"),
        (
            "{% if note %}\n{% for x in things %}{{ x }}{% endfor %}{% endif %}",
            2,
            "the variable 'things' is not declared in template.json",
        ),
        ("{{ name }}\n\n{{ lipsum() }}", 3, "the variable 'lipsum' is not declared in templ"),
        ("{{ name|sparkle }}", 1, "no filter 'sparkle'"),
        ("{% if note %}\n{{ name|sparkle }}{% endif %}", 2, "no filter 'sparkle'"),
        ("{% if name is shiny %}x{% endif %}", 1, "no test 'shiny'"),
        ("\n{{ name|safe }}", 2, "no filter 'safe': HTML parts escape every variable"),
        (
            "{{ name|attr('x') }}",
            1,
            "no filter 'attr': a dot or a subscript reaches everything that a template may read",
        ),
        ("{{ [1, 2]|random }}", 1, "no filter 'random': a preview must show what is sent"),
        ("{{ name|pprint }}", 1, "no filter 'pprint': it shows readers how Python writes values"),
        ("\n{% include 'x' %}", 2, "a template stands alone: no include, import or extends"),
        ("{% extends 'x' %}", 1, "a template stands alone: no include, import or extends"),
        ("\n\n{% import 'x' as y %}", 3, "a template stands alone: no include, import or ext"),
        ("{% from 'x' import y %}", 1, "a template stands alone: no include, import or extends"),
        (
            "{% autoescape false %}{{ name }}{% endautoescape %}",
            1,
            "escaping is fixed by the kind of part: no autoescape",
        ),
        ("x\n{{ name.__class__ }}", 2, "'__class__' is out of reach for a template"),
        ("{{ name._x }}", 1, "'_x' is out of reach for a template"),
        (
            "{{ name }}\n{{ name.first }}",
            2,
            "example 1 does not render: a text has no member 'first'",
        ),
        ("{{ name }}\n\n{{ name / 2 }}", 3, "example 1 does not render: an expression fails (Ty"),
        ("{{ note }}", 1, "example 1 without 'note' does not render: it prints null where text"),
        ("{% if not note %}x{% endif %}", 1, "example 1 does not render: it is empty"),
    ],
)
def test_wrong_part(shelf, content, line, said):
    shelf.write(TEXT, content)

    [problem] = shelf.problems()

    assert problem.startswith(f"{TEXT}:{line}: {said}")


def test_every_objection_to_a_part_is_told(shelf):
    shelf.write(TEXT, "{{ one }}\n{{ two|sparkle }}\n{% include 'x' %}")

    assert shelf.problems() == [
        f"{TEXT}:1: the variable 'one' is not declared in template.json",
        f"{TEXT}:2: no filter 'sparkle'",
        f"{TEXT}:2: the variable 'two' is not declared in template.json",
        f"{TEXT}:3: a template stands alone: no include, import or extends",
    ]


def test_parts_are_judged_where_the_manifest_is_not_known(shelf):
    shelf.write("news.hello/template.json", "[]")
    shelf.write(TEXT, "{{ anything }}\n{{ name|sparkle }}")

    assert shelf.problems() == [
        f"{TEXT}:2: no filter 'sparkle'",
        "news.hello/template.json:1: is not an object",
    ]


def with_variables(shelf, *, required, optional, examples):
    manifest = {"variables": {"required": required, "optional": optional}, "examples": examples}
    shelf.write("news.hello/template.json", json.dumps(manifest))


def test_each_example_is_rendered_in_each_locale(shelf):
    with_variables(
        shelf, required=["name"], optional=["note"], examples=[{"name": "Ada"}, {"name": [1]}]
    )
    shelf.remove("news.hello/de/html.html", "news.hello/en/html.html")

    assert shelf.problems() == [
        f"news.hello/{locale}/subject.txt:1: "
        "example 2 does not render: it prints a list where text is wanted"
        for locale in ("de", "en")
    ]


def test_each_optional_variable_is_left_out_once(shelf):
    with_variables(
        shelf,
        required=["name"],
        optional=["note", "place"],
        examples=[{"name": "Ada", "note": "n", "place": "p"}],
    )
    shelf.write(TEXT, "{{ note or place }}")

    failing = "does not render: it prints null where text is wanted"
    assert shelf.problems() == [f"{TEXT}:1: example 1 without optional variables {failing}"]

    shelf.write(TEXT, "{{ note or '-' }}\n{{ place|upper }}{{ place }}")

    assert shelf.problems() == [f"{TEXT}:2: example 1 without 'place' {failing}"]


def test_declared_and_unused_is_no_problem(shelf):
    with_variables(shelf, required=["name"], optional=["note", "place"], examples=[{"name": "A"}])
    catalog = shelf.load()

    assert catalog.find("news.hello", "en").unused == {"place"}


def test_template_tells_what_it_takes(shelf):
    template = shelf.load().find("news.hello", "de-AT")

    assert template.template_id == "news.hello"
    assert template.required == {"name"}
    assert template.optional == {"note"}
    assert template.has_html
