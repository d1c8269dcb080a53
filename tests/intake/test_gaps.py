"""What is found out about a stream, by its own count and by the cursor's."""

import pytest

from deliveries.intake.gaps import (
    START,
    Finding,
    StreamState,
    before,
    examine,
    order_of,
    read_entry_id,
)


def state(length, first, last, added):
    return StreamState(
        length=length, first_entry_id=first, last_generated_id=last, entries_added=added
    )


@pytest.mark.parametrize(
    ("place", "accounted", "found", "expected"),
    [
        # all is there, all is read
        ("5-0", 5, state(5, "1-0", "5-0", 5), None),
        # all that is read was trimmed
        ("5-0", 5, state(2, "6-0", "7-0", 7), None),
        ("5-0", 5, state(0, None, "5-0", 5), None),
        # some was lost: in front of what is left, to the last of it, by deletion within
        ("5-0", 5, state(2, "9-0", "10-0", 10), Finding("5-0", 3, 8)),
        ("5-0", 5, state(0, None, "9-0", 9), Finding("5-0", 4, 9)),
        ("9-0", 6, state(1, "9-0", "9-0", 9), Finding("9-0", 3, 9)),
        # what is unread would have to be counted one by one
        ("5-0", 5, state(4, "4-0", "9-0", 9), None),
        # another stream: behind the cursor, with fewer entries, or with more than there can be
        ("5-0", 5, state(1, "1-0", "1-0", 1), Finding(START, 1, 0)),
        ("5-0", 5, state(2, "8-0", "9-0", 2), Finding(START, 1, 0)),
        ("5-0", 5, state(3, "1-0", "4-0", 9), Finding(START, 1, 6)),
        ("5-0", 5, state(9, "6-0", "14-0", 9), Finding("5-0", 1, 0)),
        # not counted so far: from the end on, or from where it shows that something is missing
        ("5-0", None, state(5, "1-0", "5-0", 7), Finding("5-0", 0, 7)),
        ("5-0", None, state(5, "1-0", "9-0", 9), None),
        ("5-0", None, state(2, "8-0", "9-0", 9), Finding("5-0", 1, 7)),
        # nothing was ever read: what had gone before was never ours
        (START, None, state(2, "8-0", "9-0", 9), Finding(START, 0, 7)),
        (START, 0, state(2, "1-0", "2-0", 2), None),
        # Redis before 7.0 does not count: 1, and not once more
        ("5-0", None, state(5, "1-0", "5-0", None), None),
        ("5-0", None, state(2, "8-0", "9-0", None), Finding("7-18446744073709551615", 1, None)),
        ("5-0", None, state(1, "1-0", "1-0", None), Finding(START, 1, None)),
        (START, None, state(1, "1-0", "1-0", None), None),
    ],
)
def test_examine(place, accounted, found, expected):
    assert examine(place=place, accounted=accounted, state=found) == expected


@pytest.mark.parametrize("place", ["5-0", START])
def test_what_was_found_is_not_found_again(place):
    found = state(2, "8-0", "9-0", 9)
    first = examine(place=place, accounted=None, state=found)
    assert examine(place=first.target, accounted=first.accounted, state=found) is None


@pytest.mark.parametrize(
    ("entry_id", "expected"),
    [("7-3", "7-2"), ("7-0", "6-18446744073709551615"), ("0-0", "0-0")],
)
def test_before(entry_id, expected):
    assert before(entry_id) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1795544550211-0", "1795544550211-0"),
        ("1795544550211-0\n", "1795544550211-0"),
        (" \t7-3\r\n", "7-3"),
        ("007-00", "7-0"),
        (f"{2**64 - 1}-{2**64 - 1}", f"{2**64 - 1}-{2**64 - 1}"),
        (f"{2**64}-0", None),
        (f"0-{2**64}", None),
        (f"{'0' * 20}7-0", None),
        ("1_0-0", None),
        ("7 -0", None),
        ("7-+0", None),
        ("-7-0", None),
        ("\u0667-0", None),
        ("7-0-0", None),
        ("7-", None),
        ("7", None),
        ("\ufffd", None),
        ("", None),
    ],
)
def test_what_is_an_entry_id(text, expected):
    assert read_entry_id(text) == expected


@pytest.mark.parametrize("text", ["7-0\n", " 7-0", "1_0-0", "7", "0-18446744073709551616"])
def test_what_cannot_be_compared(text):
    with pytest.raises(ValueError, match="entry id"):
        order_of(text)
