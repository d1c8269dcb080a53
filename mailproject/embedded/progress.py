"""What has become of the demo's commands, read from PostgreSQL and from the caught mail."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from mailproject.embedded.mailbox import CaughtMail, MailFolder

TERMINAL = frozenset({"sent", "suppressed", "failed", "dead_letter"})
_COLUMNS = ("command", "state", "attempts", "mail")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that was asked for: mail to `recipients`, or a failure code.

    `entry_id` is that of a command on the stream. `name` is shown in the table.
    """

    name: str
    delivery_id: str
    recipients: tuple[str, ...] = ()
    failure_code: str | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of it so far. `state` is "" until the service has seen it."""

    wanted: Wanted
    state: str = ""
    attempts: int = 0
    mails: tuple[CaughtMail, ...] = ()

    @property
    def is_final(self) -> bool:
        return self.state in TERMINAL or self.state.startswith("malformed")

    def problems(self) -> list[str]:
        """Return what is not as it should be."""
        name = self.wanted.name
        expected = f"malformed: {self.wanted.failure_code}" if self.wanted.failure_code else "sent"
        found = []
        if self.state != expected:
            found.append(f"{name}: is {self.state or 'not read'}, should be {expected}")
        mails = 0 if self.wanted.failure_code else 1
        if len(self.mails) != mails:
            found.append(f"{name}: {len(self.mails)} mails were caught, should be {mails}")
        for mail in self.mails:
            if set(mail.recipients) != set(self.wanted.recipients):
                found.append(f"{name}: went to {', '.join(mail.recipients)}")
            if mail.tls is None or mail.login is None:
                found.append(f"{name}: came without STARTTLS or AUTH")
        return found


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the fates of what was asked for."""

    dsn: str
    wanted: Sequence[Wanted]

    def fates(self, folder: MailFolder) -> list[Fate]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            deliveries = {
                delivery_id: (status, attempts, message_id)
                for delivery_id, status, attempts, message_id in connection.execute(
                    "SELECT delivery_id, status, attempt_count, message_id FROM mail.deliveries"
                )
            }
            malformed: dict[str | None, str] = dict(
                connection.execute(
                    "SELECT stream_entry_id, failure_code FROM mail.malformed_commands"
                ).fetchall()
            )
        by_message_id: dict[str, list[CaughtMail]] = {}
        # after the states: a state says "sent" only when its mail has been caught
        for mail in folder.mails():
            by_message_id.setdefault(mail.message_id.strip("<>"), []).append(mail)
        fates = []
        for wanted in self.wanted:
            if wanted.entry_id in malformed:
                fates.append(Fate(wanted, state=f"malformed: {malformed[wanted.entry_id]}"))
            elif wanted.delivery_id in deliveries:
                status, attempts, message_id = deliveries[wanted.delivery_id]
                mails = tuple(by_message_id.get(message_id.strip("<>"), ()))
                fates.append(Fate(wanted, state=status, attempts=attempts, mails=mails))
            else:
                fates.append(Fate(wanted))
        return fates


def summary(fates: Sequence[Fate]) -> str:
    """Return one line of progress."""
    accepted = sum(1 for fate in fates if fate.state and not fate.state.startswith("malformed"))
    malformed = sum(1 for fate in fates if fate.state.startswith("malformed"))
    sent = sum(1 for fate in fates if fate.state == "sent")
    return f"{len(fates)} commands: {accepted} accepted, {malformed} malformed, {sent} sent"


def table(fates: Sequence[Fate], *, mail_folder: str) -> str:
    rows = [_COLUMNS]
    for fate in fates:
        files = ", ".join(f"{mail_folder}/{mail.file}" for mail in fate.mails) or "-"
        state = fate.state or "not read"
        rows.append((fate.wanted.name, state, str(fate.attempts), files))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        lines.append("  ".join([*cells, row[-1]]))
    lines.insert(1, "  ".join("-" * width for width in [*widths, len(_COLUMNS[-1])]))
    return "\n".join(lines)
