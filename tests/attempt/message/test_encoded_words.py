"""RFC 2047: encoded words are short, whole, and decode to what they were made of."""

import re
from base64 import b64decode
from quopri import decodestring

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deliveries.attempt.message.encoded_words import encode_words

# section 2 and, for a word in a phrase, section 5 rule 3
WORD = re.compile(r"=\?utf-8\?(?:q\?([A-Za-z0-9!*+/=_-]+)|b\?([A-Za-z0-9+/]+=*))\?=")

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300)


def decode(word: str) -> str:
    match = WORD.fullmatch(word)
    assert match, word
    if match[1] is not None:
        return decodestring(match[1], header=True).decode()
    return b64decode(match[2]).decode()


@settings(deadline=None)
@given(text=texts, first_room=st.integers(-100, 100))
@example(text="\U0001f600" * 40, first_room=24)
@example(text="a\U0001f600" * 40, first_room=25)
def test_words_are_short_whole_and_exact(text, first_room):
    words = encode_words(text=text, first_room=first_room)

    assert len(words[0]) <= max(first_room, 24)
    assert all(len(word) <= 75 for word in words)
    # decoded one by one: a word that ended inside a character would not decode
    assert "".join(map(decode, words)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Zoë", ["=?utf-8?q?Zo=C3=AB?="]),
        ("a b_c?", ["=?utf-8?q?a_b=5Fc=3F?="]),
        ("=?x?=", ["=?utf-8?b?PT94Pz0=?="]),
        ("日本", ["=?utf-8?b?5pel5pys?="]),
        (" ", ["=?utf-8?q?_?="]),
        ("x" * 64, [f"=?utf-8?q?{'x' * 63}?=", "=?utf-8?q?x?="]),
    ],
)
def test_encoding_is_the_legible_one(text, words):
    assert encode_words(text=text) == words


def test_lone_surrogate_is_refused():
    with pytest.raises(ValueError, match="surrogates"):
        encode_words(text="a\ud800")
