"""A relay's reply without what it may have repeated from the message. Pure."""

import re

_MASK = "***"
_MARK = "0"  # a digit: the word that it stands in is removed
_WORD = re.compile(r"\S+")
# the reply's own codes, which a summary begins with
_REPLY_CODES = re.compile(r"^([2-5])\d\d(?: \1\.\d{1,3}\.\d{1,3})?(?= |$)", re.ASCII)


def mask_reply(text: str, *, login_code: str = "") -> str:
    """Words with a digit, addresses and what spells `login_code` go; the reply's codes stay.

    It takes time in proportion to the text: a relay may say a lot.
    """
    codes = _REPLY_CODES.match(text)
    rest = codes.end() if codes else 0
    marked = _mark(text, login_code) if login_code else text
    return text[:rest] + _WORD.sub(_mask_word, marked[rest:])


def _mask_word(match: re.Match[str]) -> str:
    word = match[0]
    return _MASK if "@" in word or any(char.isdigit() for char in word) else word


def _mark(text: str, code: str) -> str:
    """Each character that is part of the code becomes a digit.

    Neither case counts nor what stands between its characters: blanks, dashes, the end of a line.
    """
    in_code, in_text = _spell(code), _spell(text)
    if not in_code:  # of signs alone, which stand in many places, but not as the code does
        return text.replace(code.strip(), _MARK * len(code.strip()))
    wanted = "".join(char for char, _ in in_code)
    spelled = "".join(char for char, _ in in_text)
    marked = list(text)
    found = spelled.find(wanted)
    while found >= 0:
        for _, place in in_text[found : found + len(wanted)]:
            marked[place] = _MARK
        found = spelled.find(wanted, found + 1)
    return "".join(marked)


def _spell(text: str) -> list[tuple[str, int]]:
    """The letters and digits, in lower case, each with its place."""
    return [
        (folded, place)
        for place, char in enumerate(text)
        for folded in char.casefold()
        if folded.isalnum()
    ]
