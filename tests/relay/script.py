"""What a relay is to do, stage by stage: the words of the scripts.

A script maps a stage to a play. A play is one act, a list of acts done one after the other, or one
of the choosers below. A bare string is `Say`. A stage that the script leaves out is played well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, unique


@unique
class Stage(StrEnum):
    """Where in the dialogue. The acts of BODY come after the 354, before the message is read."""

    GREETING = "greeting"
    EHLO = "ehlo"
    HELO = "helo"
    STARTTLS = "starttls"
    EHLO_TLS = "ehlo_tls"  # the EHLO after STARTTLS; left out, it is played as EHLO
    AUTH = "auth"  # the AUTH command
    CREDENTIALS = "credentials"  # each line of the exchange that a 334 opened
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    FINAL = "final"
    RSET = "rset"
    NOOP = "noop"
    QUIT = "quit"


@dataclass(frozen=True)
class Say:
    """A reply, CRLF added to it; several lines are several lines of the text."""

    text: str


@dataclass(frozen=True)
class Send:
    """Bytes as they are."""

    data: bytes


@dataclass(frozen=True)
class Drip:
    """Bytes one by one, with a pause after each."""

    data: bytes
    seconds: float = 0.05


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Stall:
    """Say nothing and read nothing, until the client goes or the relay is closed."""


@dataclass(frozen=True)
class Drop:
    """Close the connection."""


@dataclass(frozen=True)
class Reset:
    """Close it with a RST."""


@dataclass(frozen=True)
class StartTls:
    """The handshake, as the server."""


Act = Say | Send | Drip | Pause | Stall | Drop | Reset | StartTls
Acts = str | Act | Sequence[str | Act]


@dataclass(frozen=True)
class ByConnection:
    """One play after the other, a connection each; the last one stays."""

    plays: tuple[Acts, ...]


@dataclass(frozen=True)
class ByTurn:
    """The same, counted by how often the stage was reached at this relay."""

    plays: tuple[Acts, ...]


@dataclass(frozen=True)
class ByVisit:
    """The same, counted by how often the stage was reached on the connection."""

    plays: tuple[Acts, ...]


@dataclass(frozen=True)
class ByRecipient:
    """For RCPT: a play for each address named, and one for the others."""

    plays: Mapping[str, "Play"]
    others: "Play" = "250 2.1.5 ok"


Play = Acts | ByConnection | ByTurn | ByVisit | ByRecipient
Script = Mapping[Stage, Play]


@dataclass
class Turn:
    """Which time it is: numbers from 0, and the command that was heard."""

    connection: int
    turn: int
    visit: int
    command: str = ""
    address: str = field(default="")


def by_connection(*plays: Acts) -> ByConnection:
    return ByConnection(plays)


def by_turn(*plays: Acts) -> ByTurn:
    return ByTurn(plays)


def by_visit(*plays: Acts) -> ByVisit:
    return ByVisit(plays)


def choose(play: Play, turn: Turn) -> list[Act]:
    """The acts that are due."""
    match play:
        case ByConnection(plays):
            return choose(plays[min(turn.connection, len(plays) - 1)], turn)
        case ByTurn(plays):
            return choose(plays[min(turn.turn, len(plays) - 1)], turn)
        case ByVisit(plays):
            return choose(plays[min(turn.visit, len(plays) - 1)], turn)
        case ByRecipient(plays, others):
            return choose(plays.get(turn.address, others), turn)
        case str():
            return [Say(play)]
        case Say() | Send() | Drip() | Pause() | Stall() | Drop() | Reset() | StartTls():
            return [play]
    return [act for one in play for act in choose(one, turn)]


def reply_bytes(text: str) -> bytes:
    """A reply of one line or several: `250-a`, `250 b` from "250 a\\nb"."""
    code, rest = text[:3], text[4:].split("\n")
    lines = [f"{code}-{line}\r\n" for line in rest[:-1]]
    return "".join([*lines, f"{code} {rest[-1]}\r\n"]).encode("utf-8", "surrogateescape")
