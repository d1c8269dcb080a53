"""What of a login code may be seen: who it went to and what became of it, never what it said."""

import re

from deliveries.states import Source

LOGIN_CODE_TEMPLATE = "auth.login_code"

_ADDRESS = re.compile(r"[^\s<>@\"]+@[^\s<>@\"]+")
_DIGITS = re.compile(r"\d{3,}")
# the reply's own codes, which a summary begins with
_REPLY_CODES = re.compile(r"^\d{3}(?: \d\.\d{1,3}\.\d{1,3})?(?= |$)")


def holds_login_code(*, source: str, template_id: str | None) -> bool:
    """Whether the content may hold a code, as long as it is not erased."""
    return source == Source.AUTHSESSION or template_id == LOGIN_CODE_TEMPLATE


def mask_reply(text: str) -> str:
    """A relay's reply without what it may have repeated of the message: digits and addresses."""
    codes = _REPLY_CODES.match(text)
    kept = codes.group() if codes else ""
    return kept + _DIGITS.sub("***", _ADDRESS.sub("***", text[len(kept) :]))
