"""AUTH with one mechanism: PLAIN (RFC 4616) where offered, else LOGIN. Pure, `command` aside."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from deliveries.outcome.report import Reply

# RFC 5321 section 4.5.3.1.4, the line's end included; RFC 4954 section 4 lets a response be longer
# only on a line of its own.
_LONGEST_COMMAND = 512
_HIDDEN = b"[hidden]"


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def plain(self) -> str:
        return _base64(f"\0{self.username}\0{self.password}")

    def hide(self, reply: bytes) -> bytes:
        """A complete reply without what the relay has sent back and nobody may read.

        The codes of its lines stay, and the marks after them: a short password may be part of them.
        """
        secrets = b"|".join(map(re.escape, self._secrets))
        lines = reply.split(b"\n")
        return b"\n".join(line[:4] + re.sub(secrets, _HIDDEN, line[4:]) for line in lines)

    @property
    def _secrets(self) -> list[bytes]:
        """Longest first."""
        forms = {self.plain, _base64(self.password), self.password}
        return sorted((form.encode() for form in forms if form), key=len, reverse=True)


def authenticate(
    *, offered: str, credentials: Credentials, command: Callable[[str], Reply]
) -> Reply | None:
    """The reply that settles it, a 334 if the relay asks on; None if no mechanism is offered.

    `offered` are the parameters of the keyword AUTH.
    """
    mechanisms = offered.upper().split()
    if "PLAIN" in mechanisms:
        return _plain(credentials, command)
    if "LOGIN" in mechanisms:
        return _answer(
            command("AUTH LOGIN"),
            [_base64(credentials.username), _base64(credentials.password)],
            command,
        )
    return None


def _plain(credentials: Credentials, command: Callable[[str], Reply]) -> Reply:
    line = f"AUTH PLAIN {credentials.plain}"
    if len(line) + 2 <= _LONGEST_COMMAND:
        return command(line)
    return _answer(command("AUTH PLAIN"), [credentials.plain], command)


def _answer(reply: Reply, answers: list[str], command: Callable[[str], Reply]) -> Reply:
    for answer in answers:
        if reply.code != 334:
            break
        reply = command(answer)
    return reply


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
