"""What stays of a relay's reply to a login code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.attempt.smtp.replies import parse_reply
from deliveries.intake.texts import is_line
from deliveries.outcome.masking import mask_reply
from deliveries.outcome.verdict import Standing


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("550 5.1.1 <ada@example.org> unknown", "550 5.1.1 *** unknown"),
        ("550 5.1.1 ada@example.org: unknown", "550 5.1.1 *** unknown"),
        ("451 code 123456 refused", "451 code *** refused"),
        ("451 code 12-34-56 refused", "451 code *** refused"),
        ("451 code 1 2 3 refused", "451 code *** *** *** refused"),
        ("451 code A1B2C3 refused", "451 code *** refused"),
        ("451 4.7.1 try 3 of 345", "451 4.7.1 try *** of ***"),
        ("451 4.7.1", "451 4.7.1"),
        ("123456 is spam", "*** is spam"),
        # no codes of a reply
        ("550 4.7.12 is spam", "550 *** is spam"),
        ("550 5.7.1234 is spam", "550 *** is spam"),
        ("550", "550"),
        ("certificate has expired", "certificate has expired"),
    ],
)
def test_codes_stay_and_words_with_digits_and_addresses_go(text, masked):
    assert mask_reply(text) == masked


@pytest.mark.parametrize(
    ("code", "said", "kept"),
    [
        ("KTRF-9XQ2", "KTRF-9XQ2 is your sign-in code", "*** is your sign-in code"),
        ("KTRF-9XQ2", "KTRF 9XQ2 is it", "*** *** is it"),
        ("KTRF-9XQ2", "k-t-r-f, 9xq2: spam", "*** *** spam"),
        ("KTRF 9XQ2", "(ktrf9xq2)", "***"),
        ("QWERTZ", "found Qwertz in the text", "found *** in the text"),
        ("QWERTZ", "found Q W E R T Z there", "found *** *** *** *** *** *** there"),
        ("QWERTZ", "found QWE- RTZ there", "found *** *** there"),
        ("QWERTZ", "https://x.test/?c=qwertz", "***"),
        ("stra\u00dfe", "not STRASSE", "not ***"),
        ("abcab", "a b c a b c a b", "*** *** *** *** *** *** *** ***"),
        ("#!#", "what is #!#?", "what is ***"),
        ("spam", "rejected as spammer", "rejected as ***"),
    ],
)
def test_the_code_itself_goes_however_it_is_spelled(code, said, kept):
    assert mask_reply(f"550 5.7.1 {said}", login_code=code) == f"550 5.7.1 {kept}"


# `*` is what the mask is made of
codes = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="*"), min_size=1, max_size=64
).filter(lambda code: code.strip() and is_line(code))
words = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), max_size=40)


@given(code=codes, before=words, after=words, lead=st.sampled_from(["", "5.7.1 ", "4.7.1 "]))
def test_no_code_that_is_accepted_is_kept_wherever_it_stands(code, before, after, lead):
    raw = f"550-{lead}{before}{code}{after}\r\n550 {lead}{after}{code}\r\n".encode()
    reply = parse_reply(raw)
    kept = Standing(attempt_no=1, is_secret=True, login_code=code).kept(reply.whole)
    codes_of_reply = f"550 {reply.enhanced}" if reply.enhanced else "550"
    assert kept is not None
    assert kept.startswith(codes_of_reply)
    assert code.strip() not in kept.removeprefix(codes_of_reply)


def test_a_code_is_masked_before_the_reply_is_cut():
    said = "550 " + "x" * 500 + " KTRF-QXQZ"
    standing = Standing(attempt_no=1, is_secret=True, login_code="KTRF-QXQZ")
    assert standing.kept(said) == "550 " + "x" * 500 + " ***"


def test_a_long_reply_takes_no_time_to_speak_of():
    """It would take minutes if its time grew with the square of the text."""
    for text in ("x" * 65_000, "@" * 65_000, "a@" * 32_000, "x " * 32_000):
        assert len(mask_reply(text, login_code="x" * 64)) <= len(text) * 2
