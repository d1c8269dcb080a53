"""Whom a message comes from and goes to, as MAIL and RCPT say it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_UNFIT = re.compile(r"[\x00-\x20\x7f<>]")


@dataclass(slots=True)
class Envelope:
    """Raises ValueError, without the address, for what would break a command apart."""

    sender: str = field(repr=False)
    recipients: Sequence[str] = field(repr=False)
    smtputf8: bool = False

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("an envelope needs a recipient")
        everyone = "".join((self.sender, *self.recipients))
        if _UNFIT.search(everyone):
            raise ValueError("an address holds a character that no command can carry")
        if not (self.smtputf8 or everyone.isascii()):
            raise ValueError("an address is not ASCII, and SMTPUTF8 is not asked for")
