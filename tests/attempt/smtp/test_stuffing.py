"""The message as it goes over the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.attempt.smtp.stuffing import prepare


@pytest.mark.parametrize(
    ("message", "data"),
    [
        (b"", b".\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n\r\n", b"a\r\n\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".a\r\n", b"..a\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n.\r\n.\r\nb\r\n", b"a\r\n..\r\n..\r\nb\r\n.\r\n"),
        (b"a.\r\n", b"a.\r\n.\r\n"),
        # what ends a message for some relays (CVE-2023-51764) ends it for none
        (b"a\n.\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r.\rb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n.\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\r\n.\r\n", b"a\r\n\r\n..\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
    ],
)
def test_stuffs_after_normalising(message: bytes, data: bytes) -> None:
    assert prepare(message).data == data


@pytest.mark.parametrize(("message", "size"), [(b"a\r\n", 3), (b".a\r\n", 4), (b"a\nb", 6)])
def test_size_counts_neither_the_stuffing_nor_the_end(message: bytes, size: int) -> None:
    """RFC 1870 section 5."""
    assert prepare(message).size == size


pieces = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\xc3\xa9"]), max_size=40)


@given(pieces.map(b"".join))
def test_a_reader_of_smtp_gets_the_same_lines(message: bytes) -> None:
    outgoing = prepare(message)
    *lines, dot, nothing = outgoing.data.split(b"\r\n")
    assert (dot, nothing) == (b".", b"")
    assert all(b"\r" not in line and b"\n" not in line and line != b"." for line in lines)
    read = [line[1:] if line.startswith(b".") else line for line in lines]
    normal = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    content = b"".join(line + b"\r\n" for line in read)
    complete = normal == b"" or normal.endswith(b"\r\n")
    assert content == (normal if complete else normal + b"\r\n")
    assert outgoing.size == len(content)
    assert outgoing.is_ascii == message.isascii()
