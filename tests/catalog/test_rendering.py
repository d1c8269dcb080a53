"""Rendering: strict, escaped in HTML only, and never with a variable's value in an error."""

import json
import traceback

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deliveries.catalog.catalog import Part, RenderFailed, VariableMissing, render

SECRET = "s3cret-value"


@pytest.fixture
def template(shelf):
    return shelf.load().find("news.hello", "en")


@pytest.fixture
def load(shelf):
    """One template of these parts, taking `it`, `other` and `data`, that renders with "x"."""

    def load(*, text="{{ it }}", subject="s", html=None, example=None):
        variables = {"required": ["it"], "optional": ["other", "data"]}
        manifest = {"variables": variables, "examples": [example or {"it": "x"}]}
        shelf.write("one/template.json", json.dumps(manifest))
        shelf.write("one/en/subject.txt", subject)
        shelf.write("one/en/text.txt", text)
        if html is not None:
            shelf.write("one/en/html.html", html)
        return shelf.load().find("one", "en")

    return load


def test_content_of_a_mail(template):
    rendered = render(template, {"name": "Ada", "note": "Until tomorrow"})

    assert rendered.subject == "Hello Ada"
    assert rendered.text_body == "Hello Ada\nUntil tomorrow\n"
    assert rendered.html_body == "<p>Hello Ada Until tomorrow</p>"


def test_no_html(load):
    assert render(load(), {"it": "x"}).html_body is None


def test_html_is_escaped_and_text_is_not(template):
    name = "<b>\"A\" & 'B'</b>"
    rendered = render(template, {"name": name})

    assert rendered.subject == f"Hello {name}"
    assert rendered.text_body == f"Hello {name}\n"
    assert rendered.html_body == ("<p>Hello &lt;b&gt;&#34;A&#34; &amp; &#39;B&#39;&lt;/b&gt;</p>")


@pytest.mark.parametrize("absent", [{}, {"note": None}])
def test_absent_optional_variable_is_null(template, absent):
    assert render(template, {"name": "Ada", **absent}).text_body == "Hello Ada\n"


@pytest.mark.parametrize("variables", [{}, {"name": None}, {"note": "x"}, {"Name": "x"}])
def test_missing_variable(template, variables):
    with pytest.raises(VariableMissing) as caught:
        render(template, variables)

    assert caught.value.names == ("name",)
    assert str(caught.value) == "required variables are missing: name"


def test_all_missing_variables_are_named(shelf):
    variables = {"required": ["b", "a", "c"]}
    manifest = {"variables": variables, "examples": [{"a": 1, "b": 1, "c": 1}]}
    shelf.write("news.hello/template.json", json.dumps(manifest))
    for locale in ("en", "de"):
        for part in Part:
            shelf.write(f"news.hello/{locale}/{part}", "{{ a }}{{ b }}{{ c }}")

    with pytest.raises(VariableMissing) as caught:
        render(shelf.load().find("news.hello", "en"), {"c": 0})

    assert caught.value.names == ("a", "b")


def test_false_values_are_values(load):
    assert render(load(text="{{ it }}."), {"it": 0}).text_body == "0."
    assert render(load(text="{{ it }}."), {"it": ""}).text_body == "."
    assert render(load(text="{% if it %}yes{% else %}no{% endif %}"), {"it": False}).text_body == (
        "no"
    )


def test_undeclared_variables_are_not_seen(load):
    template = load(text="{{ it }}{{ range(2)|length }}")

    rendered = render(template, {"it": "x", "range": SECRET, "self": SECRET, "": 1, "(budget)": 2})

    assert rendered.text_body == "x2"


def test_variables_are_left_as_they_were(load):
    template = load(text="{{ it.b|sort|join }}{% set it = 1 %}", example={"it": {"b": ["x"]}})
    variables = {"it": {"b": ["2", "1"]}}

    assert render(template, variables).text_body == "12"
    assert variables == {"it": {"b": ["2", "1"]}}


FAILURES = [
    ("a\n{{ it.a.b }}", {"it": {"a": {}}}, 2, "an object has no member 'b'"),
    ("{{ it.a }}", {"it": {}}, 1, "an object has no member 'a'"),
    ("{{ it.a }}", {"it": SECRET}, 1, "a text has no member 'a'"),
    ("{{ it.a.b }}", {"it": {}}, 1, "an object has no member 'a'"),
    ("{{ it['a'] }}", {"it": {"b": SECRET}}, 1, "an object has nothing at that subscript"),
    ("{{ it[other] }}", {"it": {}, "other": SECRET}, 1, "an object has nothing at that subscript"),
    ("{{ it['upper'] }}", {"it": SECRET}, 1, "a text has nothing at that subscript"),
    ("{{ it[3] }}", {"it": ["a"]}, 1, "a list has nothing at that subscript"),
    ("{% if it.a %}x{% endif %}", {"it": {}}, 1, "an object has no member 'a'"),
    ("{% for x in it.a %}{{ x }}{% endfor %}", {"it": {}}, 1, "an object has no member 'a'"),
    ("{{ it.a|datetime }}", {"it": {}}, 1, "an object has no member 'a'"),
    ("{{ it.a|link }}", {"it": {}}, 1, "an object has no member 'a'"),
    ("{{ it|first }}", {"it": []}, 1, "No first item, sequence was empty."),
    ("{{ it }}", {"it": [SECRET]}, 1, "it prints a list where text is wanted"),
    ("{{ it }}", {"it": {"a": SECRET}}, 1, "it prints an object where text is wanted"),
    ("{{ it }}", {"it": True}, 1, "it prints true or false where text is wanted"),
    ("{{ it.a }}", {"it": {"a": None}}, 1, "it prints null where text is wanted"),
    ("{{ it|select }}", {"it": []}, 1, "it prints something else where text is wanted"),
    ("\n\n{{ it + 1 }}", {"it": SECRET}, 3, "an expression fails (TypeError)"),
    ("{{ 1 // it }}", {"it": 0}, 1, "an expression fails (ZeroDivisionError)"),
    ("{{ it|round }}", {"it": SECRET}, 1, "an expression fails (TypeError)"),
    ("{{ it|format(1) }}", {"it": SECRET}, 1, "an expression fails (TypeError)"),
    ("{{ it }}", {"it": 10**5000}, 1, "an expression fails (ValueError)"),
    ("{{ it() }}", {"it": SECRET}, 1, "an expression fails (TypeError)"),
    (
        "{{ it|map(other)|list|length }}",
        {"it": ["a"], "other": SECRET},
        1,
        "an expression fails (T",
    ),
    (
        "{% macro m(a) %}{{ a }}{% endmacro %}\n{{ m(**it) }}",
        {"it": {SECRET: 1}},
        2,
        "an expression fails (TypeError)",
    ),
    ("{{ it|datetime }}", {"it": SECRET}, 1, "a time is not in RFC 3339 form"),
    ("{{ it|link }}", {"it": f"javascript:{SECRET}"}, 1, "a link is not an http or https address"),
    (
        "{% macro m(a) %}\n{{ a.b }}{% endmacro %}\n\n{{ m(it) }}",
        {"it": {}},
        2,
        "an object has no member 'b'",
    ),
    ("{% if it %}{% set x = 1 %}{% endif %}\n{{ x }}", {"it": 0}, 2, "'x' is undefined"),
    ("{{ it }}", {"it": "  \n "}, None, "it is empty"),
    ("{{ it }}", {"it": f"{SECRET}\0"}, None, "it holds a NUL character"),
    ("{{ it }}", {"it": f"{SECRET}\ud800"}, None, "it holds an unpaired surrogate"),
]


@pytest.mark.parametrize(("text", "variables", "line", "reason"), FAILURES)
def test_failure_says_where_and_why_and_not_what(unchecked, text, variables, line, reason):
    template = unchecked(text)

    with pytest.raises(RenderFailed) as caught:
        render(template, variables)

    failure = caught.value
    assert (failure.part, failure.line) == (Part.TEXT, line)
    assert failure.reason.startswith(reason)
    assert str(failure).startswith(f"text.txt: {reason}" if line is None else f"text.txt:{line}: ")
    assert failure.__context__ is None
    told = "".join(traceback.format_exception(failure)) + repr(failure) + str(vars(failure))
    assert SECRET not in told


SUBJECTS = [
    ("  {{ it }}\n", "Hello", "Hello"),
    ("{% if it %}\n  {{ it }}\n{% endif %}\n", "Hello", "Hello"),
    ("{{ it }}", "\u00a0Grüße\u202f€ 5\u00a0", "Grüße\u202f€ 5"),
    ("{{ it }}", "a" * 998, "a" * 998),
    ("{{ it }}", "Ada\r\n", "Ada"),
]


@pytest.mark.parametrize(("subject", "it", "expected"), SUBJECTS)
def test_subject(load, subject, it, expected):
    assert render(load(subject=subject), {"it": it}).subject == expected


@pytest.mark.parametrize(
    ("it", "reason"),
    [
        *(
            (f"a{c}b", "a subject is one line without control characters")
            for c in "\n\r\t\v\f\x1b\x1c\x7f\x85\x9b\u2028\u2029"
        ),
        ("a\r\nBcc: x@example.com", "a subject is one line without control characters"),
        ("a" * 999, "a subject has at most 998 characters"),
        (" \n ", "it is empty"),
        ("", "it is empty"),
        ("a\0b", "it holds a NUL character"),
        ("a\udfffb", "it holds an unpaired surrogate"),
    ],
)
def test_subject_that_cannot_be_sent(load, it, reason):
    template = load(subject="{{ it }}", text="x")

    with pytest.raises(RenderFailed) as caught:
        render(template, {"it": it})

    assert (caught.value.part, caught.value.reason) == (Part.SUBJECT, reason)


def test_failing_part_is_named(load):
    template = load(text="x", html="<p>\n{{ it|link }}", example={"it": "https://example.com"})

    with pytest.raises(RenderFailed) as caught:
        render(template, {"it": "mailto:x"})

    assert (caught.value.part, caught.value.line) == (Part.HTML, 2)


def test_content_is_not_in_the_repr(template):
    assert SECRET not in repr(render(template, {"name": SECRET}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(it=json_values, other=json_values)
@example(it="", other=None)
@example(it="<", other="\r\nBcc: x")
def test_any_json_is_rendered_or_refused(prepared, it, other):
    try:
        rendered = render(prepared, {"it": it, "other": other})
    except (RenderFailed, VariableMissing):
        return

    assert len(rendered.subject.splitlines()) == 1
    assert rendered.subject == rendered.subject.strip()
    assert rendered.text_body == f"{it}{other or ''}."
    assert "<" not in rendered.html_body.removeprefix("<p>")


@pytest.fixture
def prepared(load):
    return load(
        subject="s {{ it }}",
        text="{{ it }}{% if other %}{{ other }}{% endif %}.",
        html="<p>{{ it }}{{ other or '' }}",
    )
