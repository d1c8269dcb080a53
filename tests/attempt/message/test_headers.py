"""Header fields: plain text stays, the rest is encoded, lines are folded where white space is."""

import re
from email.parser import HeaderParser
from email.policy import default

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deliveries.attempt.message.headers import write_producer_header, write_unstructured

REFERENCE = f"<{'r' * 40}@example.com>"

values = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0") | st.sampled_from(" \tab=?"),
    max_size=200,
)


def unfolded(field: str) -> str:
    """The value as it stands, by RFC 5322 section 2.2.3 alone."""
    assert field.endswith("\r\n")
    return re.sub(r"\r\n(?=[ \t])", "", field[:-2]).partition(": ")[2]


@settings(deadline=None)
@given(value=values)
@example(value="a" * 2000)
@example(value=f"a{' ' * 2000}b")
@example(value="=?utf-8?q?=0ABcc:_x?=")
@example(value=" both ends ")
def test_unstructured_value_comes_back(value):
    field = write_unstructured(name="Subject", value=value)

    assert field.isascii()
    lines = field.split("\r\n")
    assert lines.pop() == ""
    assert lines[0].startswith("Subject:")
    for line in lines[1:]:
        assert re.match(r"[ \t]+[^ \t]", line)  # a continuation, and not of white space alone
    for line in lines:
        words = line.removeprefix("Subject:").split()
        assert len(line) <= 76 or (len(words) == 1 and len(line) <= 998)
    assert HeaderParser(policy=default).parsestr(field)["Subject"] == value


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("", "X-Ref:\r\n"),
        ("a  b\tc", "X-Ref: a  b\tc\r\n"),
        ("x" * 900, f"X-Ref: {'x' * 900}\r\n"),
        (f"{'x' * 60} {'y' * 60}", f"X-Ref: {'x' * 60}\r\n {'y' * 60}\r\n"),
        (f"{'x' * 34} {'y' * 34}", f"X-Ref: {'x' * 34} {'y' * 34}\r\n"),
        (f"{'x' * 34} {'y' * 35}", f"X-Ref: {'x' * 34}\r\n {'y' * 35}\r\n"),
        ("Grüne", "X-Ref: =?utf-8?q?Gr=C3=BCne?=\r\n"),
        ("bell\a here", "X-Ref: =?utf-8?q?bell=07_here?=\r\n"),
        ("tail ", "X-Ref: =?utf-8?q?tail_?=\r\n"),
    ],
)
def test_producer_header(value, field):
    assert write_producer_header(name="X-Ref", value=value) == field


@pytest.mark.parametrize("name", ["References", "In-Reply-To"])
def test_message_ids_are_folded_at_spaces_and_never_encoded(name):
    field = write_producer_header(name=name, value=" ".join([REFERENCE] * 5))

    assert field == f"{name}: " + "\r\n ".join([REFERENCE] * 5) + "\r\n"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("<https://a.example/u?t=1>, <mailto:u@a.example>",) * 2,
        (f"<https://a.example/{'u' * 500}>",) * 2,
        ("<https://a.example/ü?t=x y>", "<https://a.example/%C3%BC?t=x%20y>"),
        ("<https://a.example/?t=?q>", "<https://a.example/?t=%3Fq>"),
        (
            "Grüne <sizes.example.com>",
            "=?utf-8?q?Gr=C3=BCne?= <sizes.example.com>",
        ),
        (
            "<https://a.example/u>(für Sie)",
            "<https://a.example/u> =?utf-8?q?=28f=C3=BCr_Sie=29?=",
        ),
        (
            "Grüne<https://a.example/u>",
            "=?utf-8?q?Gr=C3=BCne?= <https://a.example/u>",
        ),
        ("a =? <b.example>", "=?utf-8?q?a_=3D=3F?= <b.example>"),
        ("a =?\t<b.example>", "=?utf-8?q?a_=3D=3F?=\t<b.example>"),
        ("< unclosed é", "=?utf-8?q?=3C_unclosed_=C3=A9?="),
        ("  ", ""),
    ],
)
def test_list_header_leaves_addresses_to_programs(value, kept):
    assert unfolded(write_producer_header(name="List-Unsubscribe", value=value)) == kept


def test_list_header_with_an_endless_address_is_encoded_rather_than_lost():
    field = write_producer_header(name="List-Help", value=f"<https://a.example/{'u' * 2000}>")

    assert max(map(len, field.split("\r\n"))) <= 76


@pytest.mark.parametrize("name", ["", "X Ref", "X-Ref:", "X-R\u00e9f", "X-Ref\r\nBcc", "X" * 901])
def test_name_that_is_no_field_name_is_refused(name):
    with pytest.raises(ValueError, match="header name"):
        write_producer_header(name=name, value="v")


@pytest.mark.parametrize("name", ["X-Ref", "List-Help", "References"])
@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
@pytest.mark.parametrize("frame", ["{}Bcc: x@example.com", "é{} secret", "<a{}>", "end{}"])
def test_break_in_value_is_refused_without_quoting_it(name, character, frame):
    with pytest.raises(ValueError, match="line break or NUL") as caught:
        write_producer_header(name=name, value=frame.format(character))

    assert "secret" not in str(caught.value)
