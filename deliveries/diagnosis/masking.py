"""Provider summaries made equal, and harmless: what differs between mails is removed. Pure."""

import re

_ADDRESS = re.compile(r"[^\s<>\"',;:()]+@[^\s<>\"',;:()]+")
# a queue id, a session's id, a number: six characters or more with a digit among them
_TOKEN = re.compile(r"\b(?=[\w-]*\d)[\w-]{6,}\b")
_NUMBER = re.compile(r"\d{4,}")
_MOST = 120


def mask(summary: str) -> str:
    """The reply without addresses, ids and long numbers; its codes stay."""
    made = _ADDRESS.sub("<address>", summary)
    made = _NUMBER.sub("#", _TOKEN.sub("#", made))
    made = "".join(char if char.isprintable() else " " for char in made)
    return made if len(made) <= _MOST else made[:_MOST] + "…"
