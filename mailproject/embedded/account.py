"""The account under which the servers run. Root gives it up: PostgreSQL refuses to run as root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from mailproject.embedded.errors import AccountMissingError

# an account that every Linux distribution has and that owns nothing: none has to be made
UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int

    def give(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def server_account() -> Account | None:
    """Return who runs the servers, None for the current user."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise AccountMissingError(
            f"PostgreSQL does not run as root and there is no account {UNPRIVILEGED!r}; "
            "run this as a plain user"
        ) from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)
