"""Content transfer encodings: the plainest that arrives unharmed, and exact whatever is in it."""

import re
from base64 import b64decode
from quopri import decodestring

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deliveries.attempt.message.encodings import EncodedText, encode_base64, encode_text

SAFE_CONTROLS = "\t\n\r"

texts = st.lists(
    st.sampled_from(["\r\n", "\n", "\r", " ", "\t", ".", "=", "From ", "\nFrom ", "\0", "x" * 73])
    | st.text(st.characters(codec="utf-8"), max_size=30)
    | st.text("abc ", max_size=90),
    max_size=30,
).map("".join)


def decoded(encoded: EncodedText) -> str:
    octets = {
        "7bit": lambda body: body,
        "quoted-printable": decodestring,
        "base64": b64decode,
    }[encoded.encoding](encoded.body)
    return octets.decode(encoded.charset)


def canonical(text: str) -> str:
    """Every line end CRLF, the last one included."""
    lines = re.split(r"\r\n|\r|\n", text)
    return "\r\n".join(lines if lines[-1] == "" else [*lines, ""])


@settings(deadline=None)
@given(text=texts)
@example(text="From " * 40)
@example(text="x" * 75 + " \n" + "y" * 76 + "\t\n")
@example(text="x" * 10_000)
@example(text="é" * 10_000)
@example(text="a\rb\nc\r\nd\n\re")
def test_body_decodes_to_the_text(text):
    encoded = encode_text(text)

    assert decoded(encoded) == canonical(text)
    assert encoded.body.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", encoded.body)
    assert encoded.body in (b"", b"\r\n") or encoded.body.endswith(b"\r\n")
    limit = 998 if encoded.encoding == "7bit" else 76
    lines = encoded.body.split(b"\r\n")
    assert max(map(len, lines)) <= limit
    assert not any(line.endswith((b" ", b"\t")) for line in lines)
    assert not any(line.startswith(b"From ") for line in lines)
    assert b"." not in lines


@pytest.mark.parametrize(
    ("text", "charset", "encoding"),
    [
        ("", "us-ascii", "7bit"),
        ("plain = plain\n", "us-ascii", "7bit"),
        ("<a href=\"x\" class='y'>\n" * 50, "us-ascii", "7bit"),
        ("\ttab\tinside\n..\n .\nFrom: x\n From y\n", "us-ascii", "7bit"),
        ("x" * 998, "us-ascii", "7bit"),
        ("x" * 999, "us-ascii", "quoted-printable"),
        ("trailing \nspace", "us-ascii", "quoted-printable"),
        ("trailing tab\t", "us-ascii", "quoted-printable"),
        ("From here", "us-ascii", "quoted-printable"),
        ("dot\n.\n", "us-ascii", "quoted-printable"),
        (".", "us-ascii", "quoted-printable"),
        ("Grüne Wiesen bis nach Köln", "utf-8", "quoted-printable"),
        ("日本語の本文", "utf-8", "base64"),
        ("Пишем по-русски", "utf-8", "base64"),
    ],
)
def test_choice(text, charset, encoding):
    assert encode_text(text)[:2] == (charset, encoding)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("a\n", b"a\r\n"),
        ("a", b"a\r\n"),
        ("\r", b"\r\n"),
        ("a b=c \n", b"a b=3Dc=20\r\n"),
        ("From me\nxFrom me \n", b"=46rom me\r\nxFrom me=20\r\n"),
        (
            "From " + "x" * 70 + "\nGrün\n",
            b"=46=\r\nrom " + b"x" * 70 + b"\r\nGr=C3=BCn\r\n",
        ),
        ("x" * 75 + " \n", b"x" * 75 + b"=\r\n=20\r\n"),
        (".\n..\n", b"=2E\r\n..\r\n"),
    ],
)
def test_golden_bodies(text, body):
    assert encode_text(text).body == body


@pytest.mark.parametrize("code", [*range(0x20), 0x7F])
@pytest.mark.parametrize("frame", ["{}", "a{}b\n" + "text " * 20, "line{}\nline\n"])
def test_every_control_character_survives(code, frame):
    text = frame.format(chr(code))

    encoded = encode_text(text)

    assert decoded(encoded) == canonical(text)
    assert not re.search(rb"[^\t\r\n -~]", encoded.body)
    if chr(code) not in SAFE_CONTROLS:
        assert encoded.encoding != "7bit"


def test_lone_surrogate_is_refused():
    with pytest.raises(ValueError, match="surrogates"):
        encode_text("a\udfff")


@settings(deadline=None)
@given(data=st.binary(max_size=400))
def test_base64_lines(data):
    encoded = encode_base64(data)

    lines = encoded.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) == 76 for line in lines[:-1])
    assert all(0 < len(line) <= 76 for line in lines)
    assert b64decode(encoded, validate=False) == data
