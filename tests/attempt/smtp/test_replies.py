"""Replies from bytes: what is one, where it ends, what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.attempt.smtp.replies import (
    LONGEST_LINE,
    MOST_LINES,
    ProtocolError,
    find_end,
    parse_keywords,
    parse_lines,
    parse_reply,
)
from deliveries.outcome.report import Reply


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"250 ok\r\n", Reply(250, None, "ok")),
        (b"250 2.1.0 ok\r\n", Reply(250, "2.1.0", "ok")),
        (b"250 2.1.0\r\n", Reply(250, "2.1.0", "")),
        (b"250\r\n", Reply(250, None, "")),
        (b"250 \r\n", Reply(250, None, "")),
        (b"250\n", Reply(250, None, "")),
        (b"250 ok\n", Reply(250, None, "ok")),
        (b"550-5.1.1 no such\r\n550 5.1.1 user\r\n", Reply(550, "5.1.1", "no such user")),
        (b"550-5.1.1 no such\r\n550 user\r\n", Reply(550, "5.1.1", "no such user")),
        (b"550-\r\n550 user\r\n", Reply(550, None, "user")),
        # an enhanced code of another class is the relay's mistake, and stays in the text
        (b"550 4.1.1 odd\r\n", Reply(550, None, "4.1.1 odd")),
        (b"450 5.7.1 odd\r\n", Reply(450, None, "5.7.1 odd")),
        (b"354 2.0.0 go\r\n", Reply(354, None, "2.0.0 go")),
        (b"550 5.1.1234 odd\r\n", Reply(550, None, "5.1.1234 odd")),
        (b"550 5.1 odd\r\n", Reply(550, None, "5.1 odd")),
        (b"550 5.1.1no space\r\n", Reply(550, None, "5.1.1no space")),
        (b"550 x\x00y\x1b[31mz\r\n", Reply(550, None, "x y [31mz")),
        (b"550 caf\xc3\xa9\r\n", Reply(550, None, "caf\u00e9")),
        (b"550 caf\xe9!\r\n", Reply(550, None, "caf\ufffd!")),
        (b"550 a\xe2\x80\xaeb\r\n", Reply(550, None, "a b")),  # no turning the reader's line round
        (b"550 " + b"x" * 600 + b"\r\n", Reply(550, None, "x" * 600)),
        (
            b"550-5.7.1 " + b"x" * 600 + b"\r\n550 5.7.1 end\r\n",
            Reply(550, "5.7.1", "x" * 600 + " end"),
        ),
    ],
)
def test_reads_a_reply(raw: bytes, expected: Reply) -> None:
    assert find_end(raw) == len(raw)
    assert parse_reply(raw) == expected


@pytest.mark.parametrize(
    "received", [b"", b"2", b"25", b"250", b"250 o", b"250 ok\r", b"250-a\r\n", b"250-a\r\n25"]
)
def test_waits_for_the_rest(received: bytes) -> None:
    assert find_end(received) == -1


@pytest.mark.parametrize(
    "received",
    [
        b"\r\n",
        b"hello\r\n",
        b"150 preliminary\r\n",
        b"650 no\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"250_ok\r\n",
        b"250\rok\r\n",
        b"250-a\r\n251 b\r\n",
        b"250-a\r\nhello\r\n",
        "\u0662\u0665\u0660 ok\r\n".encode(),
        b"250 " + b"x" * LONGEST_LINE + b"\r\n",
        b"250-a\r\n" * MOST_LINES + b"250 a\r\n",
        (b"250-" + b"x" * 4000 + b"\r\n") * 17 + b"250 a\r\n",
        # known to be wrong before the line ends
        b"SSH-2.0",
        b"\x15\x03\x01",
        b"1",
        b"25x",
        b"250x",
        b"250 " + b"x" * LONGEST_LINE,
        (b"250-" + b"x" * 4000 + b"\r\n") * 17,
    ],
)
def test_refuses_what_is_no_reply(received: bytes) -> None:
    with pytest.raises(ProtocolError):
        find_end(received)


def test_ends_at_the_first_of_several_replies() -> None:
    assert find_end(b"250-a\r\n250 b\r\n354 go\r\n") == len(b"250-a\r\n250 b\r\n")


@given(st.binary(max_size=200) | st.text(alphabet="245 -.ax\r\n", max_size=60).map(str.encode))
def test_nothing_but_its_own_error_comes_out(received: bytes) -> None:
    try:
        end = find_end(received)
    except ProtocolError:
        return
    if end < 0:
        return
    reply = parse_reply(received[:end])
    parse_keywords(received[:end])
    assert 200 <= reply.code < 600
    assert reply.text.isprintable()
    assert len(reply.summary) <= 512
    assert reply.enhanced is None or reply.enhanced[0] == str(reply.code)[0]


codes = st.sampled_from(["220", "250", "354", "421", "452", "550"])
texts = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), max_size=80)


@given(codes, st.lists(texts, min_size=1, max_size=5), st.binary(max_size=20))
def test_the_end_is_found_whatever_follows_and_however_it_comes(
    code: str, lines: list[str], rest: bytes
) -> None:
    raw = "".join(
        f"{code}{'-' if number else ' '}{line}\r\n"
        for number, line in zip(range(len(lines) - 1, -1, -1), lines, strict=True)
    ).encode()
    assert find_end(raw + rest) == len(raw)
    assert all(find_end(raw[:cut]) == -1 for cut in range(len(raw)))


@given(
    codes,
    st.sampled_from(["", "2.1.5 ", "5.7.1 ", "4.2.2", "2.1.5"]),
    st.text(alphabet="aZ <>@.-:5\u00e9", max_size=30),
)
def test_the_usual_reply_is_read_as_any_other(code: str, status: str, text: str) -> None:
    raw = f"{code} {status}{text}\r\n".encode()
    assert parse_reply(raw) == parse_lines(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"250 relay.test\r\n", {}),
        (
            b"250-relay.test hello\r\n250-pipelining\r\n250 SIZE 1000\r\n",
            {"PIPELINING": "", "SIZE": "1000"},
        ),
        (b"250-r\r\n250-AUTH PLAIN\r\n250 AUTH LOGIN\r\n", {"AUTH": "PLAIN LOGIN"}),
        (b"250-r\r\n250 AUTH=LOGIN PLAIN\r\n", {"AUTH": "LOGIN PLAIN"}),
        (b"250-r\r\n250-AUTH PLAIN\r\n250 AUTH=LOGIN\r\n", {"AUTH": "PLAIN LOGIN"}),
        (b"250-r\r\n250-\r\n250 \xff\r\n", {"\ufffd": ""}),
    ],
)
def test_reads_what_is_offered(raw: bytes, expected: dict[str, str]) -> None:
    assert parse_keywords(raw) == expected
