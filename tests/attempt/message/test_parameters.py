"""File names: what readers of RFC 2231 get is exact, what others get is close."""

import re
from email.parser import HeaderParser
from email.policy import default

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deliveries.attempt.message.parameters import filename_pieces, plain_name

filenames = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0") | st.sampled_from("%'* ;=?\"\\."),
    min_size=1,
    max_size=300,
)


@pytest.mark.parametrize(
    ("filename", "pieces", "name"),
    [
        ("report 1.pdf", [' filename="report 1.pdf"'], "report 1.pdf"),
        ("a;b=c.txt", [' filename="a;b=c.txt"'], "a;b=c.txt"),
        ("Übersicht.pdf", [" filename*=utf-8''%C3%9Cbersicht.pdf"], "Ubersicht.pdf"),
        ("日本.txt", [" filename*=utf-8''%E6%97%A5%E6%9C%AC.txt"], "__.txt"),
        ('a"b\\c.txt', [" filename*=utf-8''a%22b%5Cc.txt"], "a_b_c.txt"),
        (
            "=?utf-8?q?x?=.txt",
            [" filename*=utf-8''%3D%3Futf-8%3Fq%3Fx%3F%3D.txt"],
            "__utf-8_q_x__.txt",
        ),
        (" a ", [" filename*=utf-8''%20a%20"], "a"),
        ("100%'*.txt", [' filename="100%\'*.txt"'], "100%'*.txt"),
        (
            "x" * 56 + ".pdf",
            [f" filename*0*=utf-8''{'x' * 55}", " filename*1*=x.pdf"],
            "x" * 51 + ".pdf",
        ),
        (
            "é" * 10 + ".pdf",
            [f" filename*0*=utf-8''{'%C3%A9' * 9}", " filename*1*=%C3%A9.pdf"],
            "e" * 10 + ".pdf",
        ),
    ],
)
def test_filename(filename, pieces, name):
    assert filename_pieces(filename) == pieces
    assert plain_name(filename) == name


@settings(deadline=None)
@given(filename=filenames)
@example(filename="日" * 255)
@example(filename="x" * 255)
def test_filename_comes_back(filename):
    pieces = filename_pieces(filename)

    assert all(len(piece) <= 75 for piece in pieces)
    field = "Content-Disposition: attachment;\r\n" + ";\r\n".join(pieces) + "\r\n"
    header = HeaderParser(policy=default).parsestr(field)["Content-Disposition"]
    assert header.params["filename"] == filename
    assert not header.defects


@settings(deadline=None)
@given(filename=filenames)
def test_plain_name_needs_no_escaping(filename):
    name = plain_name(filename)

    assert len(name) <= 55
    assert re.fullmatch(r"[ -~]*", name)
    assert not {'"', "\\"} & set(name)
    assert "=?" not in name


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
def test_break_is_refused_without_quoting_it(character):
    with pytest.raises(ValueError, match=r"^a file name holds a line break or NUL$"):
        filename_pieces(f"a{character}b.pdf")
