"""template.json: each mistake is told with its line."""

import json

import pytest

from deliveries.catalog.manifest import ManifestError, is_template_id, read_manifest


def manifest(required=(), optional=(), examples=({},), **more):
    variables = {"required": list(required), "optional": list(optional)}
    return json.dumps({"variables": variables, "examples": list(examples), **more}, indent=1)


def objections(text):
    with pytest.raises(ManifestError) as caught:
        read_manifest(text)
    return caught.value.objections


def test_good_manifest():
    read = read_manifest(manifest(["code"], ["note"], [{"code": "1"}, {"code": 2, "note": None}]))

    assert read.required == {"code"}
    assert read.optional == {"note"}
    assert read.declared == {"code", "note"}
    assert read.examples == ({"code": "1"}, {"code": 2, "note": None})


def test_either_list_may_be_absent():
    read = read_manifest('{"variables": {}, "examples": [{}]}')

    assert read.declared == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, "is not JSON: Expecting value")),
        ('{\n"variables": {},\n}', (3, "is not JSON: Expecting property name enclosed in")),
        ('{"variables": {}} x', (1, "is not JSON: Extra data")),
        ('{\n"variables": {},\n"variables": {}}', (2, "the member 'variables' appears twice")),
        ('{"variables": {},\n"examples": [{"a": NaN}]}', (2, "is not JSON: NaN")),
        ('{"variables": {},\n"examples": [-Infinity]}', (2, "is not JSON: -Infinity")),
        ("[" * 100_000, (1, "is not JSON that can be read: too deep")),
        ("[" + "1" * 5000 + "]", (1, "is not JSON that can be read: too deep, or a number")),
        ("[]", (1, "is not an object")),
        ("null", (1, "is not an object")),
    ],
)
def test_not_json(text, expected):
    [(line, said)] = objections(text)

    assert line == expected[0]
    assert said.startswith(expected[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{\n"examples": [{}]}',
            (1, "'variables' must be an object with 'required' and 'optional'"),
        ),
        (
            '{\n"variables": [], "examples": [{}]}',
            (2, "'variables' must be an object with 'required' and 'optional'"),
        ),
        (manifest(subject="x"), (9, "unknown member 'subject' in template.json")),
        (
            '{"examples": [{}],\n"variables": {\n"requried": []}}',
            (3, "unknown member 'requried' in 'variables'"),
        ),
        (
            '{"variables": {\n"required": "code"}, "examples": [{}]}',
            (2, "'required' must be a list of names"),
        ),
        (
            '{"variables": {\n\n"optional": [1]}, "examples": [{}]}',
            (3, "'optional' must be a list of names"),
        ),
        (manifest(optional=["a", "two words"]), (6, "'two words' cannot name a variable")),
        (manifest(optional=["1st"]), (5, "'1st' cannot name a variable")),
        (manifest(optional=["_x"]), (5, "'_x' cannot name a variable")),
        (manifest(optional=["größe"]), (5, "'größe' cannot name a variable")),
        (manifest(optional=["loop"]), (5, "'loop' cannot name a variable")),
        (manifest(optional=["None"]), (5, "'None' cannot name a variable")),
        (manifest(optional=[""]), (5, "'' cannot name a variable")),
        (manifest(["a"], ["a"], [{"a": 1}]), (4, "the variable 'a' is declared twice")),
        (manifest(optional=["a", "a"]), (5, "the variable 'a' is declared twice")),
        ('{"variables": {}}', (1, "'examples' must be a list with at least one example")),
        (manifest(examples=[]), (6, "'examples' must be a list with at least one example")),
        ('{"variables": {},\n"examples": {}}', (2, "'examples' must be a list with at least")),
        (manifest(examples=[{}, 7]), (6, "example 2 is not an object")),
        (manifest(["a"], [], [{"a": 1}, {}]), (8, "example 2 lacks the required variable 'a'")),
        (manifest(["a"], [], [{"a": None}]), (8, "example 1 lacks the required variable 'a'")),
        (
            manifest(["a"], [], [{"a": 1, "b": 2}]),
            (11, "example 1 has the variable 'b', which is not declared"),
        ),
        (
            manifest([], [], [{"b": 2}]),
            (8, "example 1 has the variable 'b', which is not declared"),
        ),
    ],
)
def test_wrong_manifest(text, expected):
    [(line, said)] = objections(text)

    assert line == expected[0], text
    assert said.startswith(expected[1])


def test_all_mistakes_at_once():
    text = json.dumps(
        {"variables": {"required": ["a b", "c"], "other": 1}, "examples": [3], "more": 2}
    )

    assert [said for _, said in objections(text)] == [
        "unknown member 'more' in template.json",
        "unknown member 'other' in 'variables'",
        "'a b' cannot name a variable",
        "example 1 is not an object",
    ]


@pytest.mark.parametrize("name", ["a", "auth.login_code", "0-x", "a" * 128])
def test_template_id(name):
    assert is_template_id(name)


@pytest.mark.parametrize("name", ["", "A", ".a", "-a", "_a", "a/b", "a b", "é", "a\n", "a" * 129])
def test_no_template_id(name):
    assert not is_template_id(name)


def test_problem_stands_in_the_file(shelf):
    shelf.write("news.hello/template.json", '{"variables": {},\n"examples": []}')

    assert shelf.problems() == [
        "news.hello/template.json:2: 'examples' must be a list with at least one example"
    ]
