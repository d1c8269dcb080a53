"""The fields of an entry, as bytes, and the order in which they are judged."""

from datetime import UTC, datetime

import pytest

from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry
from deliveries.intake.rejection import Rejection
from tests.factories import MAX_PAYLOAD_BYTES, CommandFactory, StreamEntryFactory

REQUIRED = {
    "delivery_id": "invalid_delivery_id",
    "source": "invalid_source",
    "payload_mode": "invalid_payload_mode",
    "idempotency_key": "invalid_idempotency_key",
    "requested_at_ms": "invalid_requested_at",
    "payload_json": "invalid_payload_json",
}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def rejection(**changes):
    with pytest.raises(Rejection) as caught:
        CommandFactory(changes=changes)
    return caught.value


@pytest.mark.parametrize("name", REQUIRED)
def test_a_field_that_is_missing_is_named(name):
    found = rejection(**{name: None})
    assert (found.code, found.message) == ("missing_field", f"{name}: is missing")


@pytest.mark.parametrize(("name", "code"), REQUIRED.items())
@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"\x00", b"\n", "\u017f".encode(), b"a\nb"])
def test_bytes_that_are_no_text_get_the_code_of_their_field(name, code, value):
    found = rejection(**{name: value})
    assert found.code == code
    assert found.message.startswith(f"{name}: ")


@pytest.mark.parametrize("name", [b"", b"\xff", b"Source", b"source ", b"payload", b"template_id"])
def test_an_unknown_field_is_not_repeated(name):
    entry = StreamEntryFactory()
    entry = StreamEntry(entry.entry_id, (*entry.fields, (name, b"x")))
    with pytest.raises(Rejection) as caught:
        parse_entry(entry=entry, max_payload_bytes=MAX_PAYLOAD_BYTES)
    assert caught.value.code == "unknown_field"


def test_a_field_given_twice_is_refused_though_both_are_alike():
    entry = StreamEntryFactory(changes={"request_id": "r"})
    for pair in entry.fields:
        twice = StreamEntry(entry.entry_id, (*entry.fields, pair))
        with pytest.raises(Rejection, match=f"{pair[0].decode()}: is given twice") as caught:
            parse_entry(entry=twice, max_payload_bytes=MAX_PAYLOAD_BYTES)
        assert caught.value.code == "unknown_field"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delivery_id", "A.z-0_9:" * 16),
        ("delivery_id", "-"),
        ("idempotency_key", "!~" * 127 + "!"),
    ],
)
def test_the_widest_ids(name, value):
    assert getattr(CommandFactory(changes={name: value}), name) == value


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("946684800000", datetime(2000, 1, 1, tzinfo=UTC)),
        ("1790000000123", datetime(2026, 9, 21, 14, 13, 20, 123000, tzinfo=UTC)),
        ("7258118399999", datetime(2199, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ],
)
def test_requested_at_to_the_millisecond(given, moment):
    assert CommandFactory(changes={"requested_at_ms": given}).requested_at == moment


@pytest.mark.parametrize(
    "given",
    [
        *("946684799999", "7258118400000", "1790000000", "+1790000000000", " 1790000000000"),
        *("1790000000000.0", "1_790_000_000_000", "1e12", "9" * 5000, "\u0661" * 13),
    ],
)
def test_requested_at_is_plain_milliseconds_of_a_likely_year(given):
    assert rejection(requested_at_ms=given).code == "invalid_requested_at"


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, (None, None, None)),
        ({"request_id": "r-1"}, ("r-1", None, None)),
        ({"request_id": "r" * 513}, (None, None, None)),
        ({"request_id": b"\xff"}, (None, None, None)),
        ({"request_id": "a\nb"}, (None, None, None)),
        ({"request_id": ""}, (None, None, None)),
        ({"traceparent": TRACEPARENT}, (None, TRACEPARENT, None)),
        ({"traceparent": TRACEPARENT, "tracestate": "a=b,c=d"}, (None, TRACEPARENT, "a=b,c=d")),
        ({"traceparent": TRACEPARENT, "tracestate": b"a=\xff"}, (None, TRACEPARENT, None)),
        ({"traceparent": TRACEPARENT, "tracestate": "a" * 513}, (None, TRACEPARENT, None)),
        ({"traceparent": TRACEPARENT.upper(), "tracestate": "a=b"}, (None, None, None)),
        ({"traceparent": f"ff{TRACEPARENT[2:]}"}, (None, None, None)),
        ({"traceparent": f"{TRACEPARENT}\n"}, (None, None, None)),
        ({"traceparent": TRACEPARENT.replace("b7ad6b7169203331", "0" * 16)}, (None, None, None)),
        ({"tracestate": "a=b"}, (None, None, None)),
    ],
)
def test_what_helps_to_follow_a_mail_is_kept_or_left_out(changes, kept):
    command = CommandFactory(changes=changes)
    assert (command.request_id, command.traceparent, command.tracestate) == kept


def test_a_cut_entry_is_judged_by_its_small_fields_first():
    """So that a producer who errs twice is told of the field, whatever its payload weighs."""
    for changes, code in (({}, "payload_too_large"), ({"source": "x"}, "invalid_source")):
        entry = StreamEntryFactory(changes=changes, oversize=MAX_PAYLOAD_BYTES * 2)
        with pytest.raises(Rejection) as caught:
            parse_entry(entry=entry, max_payload_bytes=MAX_PAYLOAD_BYTES)
        assert caught.value.code == code
