import json
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.intake import weight
from deliveries.intake.entry import StreamEntry
from deliveries.intake.weight import MOST_VALUES, first_of, has_too_many_values


@pytest.mark.parametrize("unit", ["1", '""', "[]", "{}", '"a,b"', '"\\"[,"'])
def test_values_are_counted_and_texts_are_not_looked_into(unit):
    fits = f"[{','.join([unit] * (MOST_VALUES // 2 - 1))}]".encode()
    assert not has_too_many_values(fits)
    exceeds = f"[{','.join([unit] * (MOST_VALUES + 1))}]".encode()
    assert has_too_many_values(exceeds)


def test_a_long_text_is_one_value():
    assert not has_too_many_values(json.dumps({"text_body": "a, [b] {c}" * 100_000}).encode())


@pytest.mark.parametrize(
    "raw", [b'"' + b'\\"' * 2_000_000, b'"' * 3_000_001, b'"' + b"\\" * 3_000_001]
)
def test_no_text_is_looked_at_for_ever(raw):
    assert not has_too_many_values(raw)


LEAVES = st.none() | st.text() | st.integers()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_never_fewer_than_there_are(value):
    with mock.patch.object(weight, "MOST_VALUES", count(value) - 1):
        assert has_too_many_values(json.dumps(value).encode())


def count(value):
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


def entry(number, size):
    payload = f"[{','.join('1' * size)}]".encode()
    return StreamEntry(entry_id=f"{number}-0", fields=((b"payload_json", payload),), oversize=None)


def test_what_is_parsed_together_is_bounded():
    entries = [entry(n, MOST_VALUES // 4) for n in range(10)]
    assert len(first_of(entries)) == 3
    assert len(first_of(entries[:2])) == 2
    assert first_of([]) == []


def test_one_is_taken_whatever_it_holds():
    assert len(first_of([entry(1, 2 * MOST_VALUES), entry(2, 1)])) == 1
