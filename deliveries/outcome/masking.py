"""A relay's reply without what it may have repeated from the message. Pure."""

import re

_ADDRESS = re.compile(r"[^\s<>@\"]+@[^\s<>@\"]+")
_DIGITS = re.compile(r"\d{2,}")
# the reply's own codes, which a summary begins with
_REPLY_CODES = re.compile(r"^\d{3}(?: \d\.\d{1,3}\.\d{1,3})?(?= |$)")


def mask_reply(text: str) -> str:
    """Addresses and runs of digits are removed, the codes at the beginning stay."""
    codes = _REPLY_CODES.match(text)
    kept = codes.group() if codes else ""
    return kept + _DIGITS.sub("***", _ADDRESS.sub("***", text[len(kept) :]))
