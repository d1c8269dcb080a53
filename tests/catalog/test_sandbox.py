"""No way out of a template: neither to Python, nor to more work and memory than a mail needs."""

import tracemalloc

import pytest

from deliveries.catalog.bounds import LONGEST, STEPS
from deliveries.catalog.catalog import Part, RenderFailed, render

DATA = {"it": "x", "other": "__class__", "data": {"list": [3, 1], "text": "abc"}}


def failure(template, variables=DATA):
    with pytest.raises(RenderFailed) as caught:
        render(template, variables)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ it[other] }}",
        "{{ ().__class__.__base__.__subclasses__() }}",
        "{{ range.__globals__ }}",
        "{{ range['__globals__'] }}",
        "{{ (range|string)() }}",
        "{{ dict.mro() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ cycler(1)['__init__'] }}",
        "{{ joiner.__init__ }}",
        "{{ namespace.__init__ }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
        "{% for x in [1] %}{{ loop['__init__'] }}{% endfor %}",
        "{% macro m() %}{% endmacro %}{{ m.__call__ }}{{ m._func }}",
        "{{ [it]|map(attribute='__class__')|list|first }}",
        "{{ [it]|map('attr', '__class__')|list|first }}",
        "{{ [it]|map('safe')|first }}",
        "{{ [it]|groupby('__class__')|list|first }}",
        "{{ [it]|sum(attribute='__class__') }}",
        "{{ '{0.__class__}'.format(it) }}",
        "{{ ('%s'|format).__class__ }}",
        "{{ it.format }}",
        "{{ data.list.append(1) }}",
        "{{ data.update({}) }}",
        "{{ data.list.sort() }}",
        "{{ data['pop'] }}",
        "{% set data.text = 1 %}",
        "{% set it.x = 1 %}",
        "{{ range }}",
        "{{ joiner('x').sep.join }}",
        "{{ undefined_function() }}",
    ],
)
def test_no_way_out(unchecked, text):
    told = failure(unchecked(text))

    assert told.part is Part.TEXT
    assert told.line == 1
    assert "<" not in told.reason


def test_members_of_data_come_before_what_python_has(unchecked):
    template = unchecked("{{ it.items }} {{ it.values }} {{ it.get }} {{ it.copy }}")
    variables = {"it": {"items": 1, "values": 2, "get": 3, "copy": 4}}

    assert render(template, variables).text_body == "1 2 3 4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ data.list[0] }}{{ data['list'][-1] }}{{ data.text[1:] }}", "31bc"),
        ("{% for k, v in data|items %}{{ k }} {% endfor %}", "list text "),
        (
            "{% for x in data.list %}{{ loop.index }}/{{ loop.length }}={{ x }}"
            "{% if not loop.last %}, {% endif %}{% endfor %}",
            "1/2=3, 2/2=1",
        ),
        ("{% for x in data.list if x > 1 %}{{ x }}{% else %}none{% endfor %}", "3"),
        ("{% for x in data.list if x > 9 %}{{ x }}{% else %}none{% endfor %}", "none"),
        ("{% for x in data.list|map('string') %}{{ x }}{{ loop.length }}{% endfor %}", "3212"),
        ("{% for x in 'ab' %}{{ loop.cycle('-', '+') }}{{ x }}{% endfor %}", "-a+b"),
        (
            "{% for x in [[1, []], [2, [[3, []]]]] recursive %}{{ x[0] }}{{ loop(x[1]) }}"
            "{% endfor %}",
            "123",
        ),
        ("{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 2 %}{{ ns.n }}", "2"),
        ("{% macro m(a, b='!') %}{{ a }}{{ b }}{% endmacro %}{{ m('x') }}", "x!"),
        ("{% filter upper %}a{{ it }}{% endfilter %}", "AX"),
        ("{% set x %}[{{ it }}]{% endset %}{{ x }}", "[x]"),
        (
            "{{ '-' * 3 }}{{ 2 * 3 }}{{ 2 ** 3 }}{{ 2.0 ** 2 }}{{ 2 ** -1 }}{{ 3 * '=' }}",
            "---684.00.5===",
        ),
        (
            "{{ '%.2f'|format(2.5) }} {{ ['a', 'b']|join(', ') }} {{ 'aXb'|replace('X', '-') }}",
            "2.50 a, b a-b",
        ),
        (
            "{{ [{'a': 1}, {'a': 2}]|join('+', attribute='a') }}{{ 'aaa'|replace('a', 'b', 1) }}",
            "1+2baa",
        ),
        ("{{ none|default('d', true) }}{{ data.nothing|default('d') }}", "dd"),
        ("{% if data.nothing is defined %}x{% else %}y{% endif %}", "y"),
    ],
)
def test_what_a_template_may_do(unchecked, text, expected):
    assert render(unchecked(text), DATA).text_body == expected


TOO_MANY_STEPS = f"its loops and calls take more than {STEPS:,} steps"
TOO_LONG = f"it grows beyond {LONGEST:,} characters"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            TOO_MANY_STEPS,
        ),
        (
            "{% for a in it %}{% for b in it %}{% if a == b %}{% endif %}{% endfor %}{% endfor %}",
            TOO_MANY_STEPS,
        ),
        (
            "{% for a in it|map('upper') %}{% for b in it|select %}{% endfor %}{% endfor %}",
            TOO_MANY_STEPS,
        ),
        (
            "{% macro m(n) %}{% if n %}{{ m(n-1) ~ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
            TOO_MANY_STEPS,
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "it calls itself without end"),
        ("{% for a in range(100001) %}{% endfor %}", "an expression fails (OverflowError)"),
        ("{{ 10 ** 10000000 }}", "a power is too large"),
        ("{{ (2 ** 4000) ** 4000 }}", "a power is too large"),
    ],
)
def test_work_is_bounded(unchecked, text, reason):
    told = failure(unchecked(text), {"it": "x" * 1000})

    assert (told.reason, told.line) == (reason, 1)


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(90000) %}{{ it }}{% endfor %}",
        "{% set x %}{% for a in range(90000) %}{{ it }}{% endfor %}{% endset %}",
        "{% macro m() %}{% for a in range(90000) %}{{ it }}{% endfor %}{% endmacro %}{{ m() }}",
        "{% filter length %}{% for a in range(90000) %}{{ it }}{% endfor %}{% endfilter %}",
        "{{ (it * 1000000)|length }}",
        "{{ (1000000 * [it] * 1000000)|length }}",
        "{{ it|replace('x', it * 1000)|length }}",
        "{{ it|list|join(it * 6)|length }}",
    ],
)
def test_memory_is_bounded(unchecked, text):
    template = unchecked(text)

    tracemalloc.start()
    try:
        told = failure(template, {"it": "x" * 1000})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert told.reason == TOO_LONG
    assert peak < 2 * LONGEST


def test_large_body_within_the_bound(unchecked):
    body = "x" * LONGEST

    assert render(unchecked("{{ it }}"), {"it": body}).text_body == body


@pytest.mark.parametrize(
    ("it", "reason"), [("x", TOO_LONG), ("é", f"it is larger than {LONGEST:,} bytes")]
)
def test_body_beyond_the_bound(unchecked, it, reason):
    length = LONGEST + 1 if it.isascii() else LONGEST // 2 + 1

    assert failure(unchecked("{{ it }}"), {"it": it * length}).reason == reason


def test_bounds_are_of_one_rendering(unchecked):
    template = unchecked("{% for a in range(60000) %}{% endfor %}x")

    assert [render(template, DATA).text_body for _ in range(3)] == ["x"] * 3
