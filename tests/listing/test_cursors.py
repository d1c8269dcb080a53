"""Cursors: what was written is read back, and nothing else is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.listing.cursors import InvalidCursorError, List, Place, read_cursor, write_cursor

places = st.builds(
    Place,
    key=st.integers(0, 2**63 - 1),
    moment=st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
)


@given(kind=st.sampled_from(List), place=places)
def test_a_cursor_leads_back_to_its_place(kind, place):
    assert read_cursor(kind, write_cursor(kind, place)) == place


@given(place=places)
def test_a_cursor_of_another_list_is_refused(place):
    with pytest.raises(InvalidCursorError):
        read_cursor(List.DEAD_LETTERS, write_cursor(List.DELIVERIES, place))


@given(text=st.text(max_size=80))
def test_any_other_text_is_refused(text):
    with pytest.raises(InvalidCursorError):
        read_cursor(List.DELIVERIES, text)


@pytest.mark.parametrize("addition", ["=", "==", "\n", " ", "A", "."])
def test_a_cursor_with_something_added_is_refused(addition):
    cursor = write_cursor(List.DELIVERIES, Place(5, datetime.now(UTC) + timedelta(days=1)))
    for changed in (cursor + addition, addition + cursor):
        with pytest.raises(InvalidCursorError):
            read_cursor(List.DELIVERIES, changed)
