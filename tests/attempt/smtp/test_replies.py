import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.attempt.smtp.replies import ProtocolError, join_reply, parse_line
from deliveries.attempt.smtp.transaction import dot_stuffed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"250 ok", (250, True, b"ok")),
        (b"250", (250, True, b"")),
        (b"250-more", (250, False, b"more")),
        (b"550 5.1.1 gone", (550, True, b"5.1.1 gone")),
    ],
)
def test_lines(line, expected):
    assert parse_line(line) == expected


@pytest.mark.parametrize("line", [b"", b"25", b"2500 ok", b"hello", b"650 x", b"150 x", b"250_x"])
def test_what_is_no_reply(line):
    with pytest.raises(ProtocolError):
        parse_line(line)


@given(st.binary(max_size=30))
def test_arbitrary_lines_raise_nothing_else(line):
    try:
        code, _, text = parse_line(line)
    except ProtocolError:
        return
    assert 200 <= code < 600
    assert join_reply(code, [text]).text.isprintable()


@pytest.mark.parametrize(
    ("code", "texts", "enhanced", "text"),
    [
        (550, [b"5.1.1 no user"], "5.1.1", "no user"),
        (550, [b"5.1.1 no", b"5.1.1 user"], "5.1.1", "no user"),
        (550, [b"4.1.1 no user"], None, "4.1.1 no user"),
        (250, [b"2.0.0"], "2.0.0", ""),
        (250, [b"caf\xe9 \x1b[31m\x00red"], None, "caf\ufffd [31m red"),
        (250, [b"x" * 600], None, "x" * 512),
    ],
)
def test_replies(code, texts, enhanced, text):
    reply = join_reply(code, texts)
    assert (reply.enhanced, reply.text) == (enhanced, text)


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".a\r\n", b"..a\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r.\rb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\r\n.\r\nb", b"a\r\n\r\n..\r\nb\r\n.\r\n"),
    ],
)
def test_dots_are_stuffed_after_every_kind_of_line_break(message, wire):
    assert dot_stuffed(message) == wire


@given(st.binary(max_size=60).map(lambda b: b.replace(b"x", b"\r\n.")))
def test_only_the_end_ends_the_message(message):
    wire = dot_stuffed(message)
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    inside = b"\r\n" + wire[:-3]
    assert b"\r\n.\r\n" not in inside
    assert b"\n.\n" not in inside.replace(b"\r\n", b"\n")
