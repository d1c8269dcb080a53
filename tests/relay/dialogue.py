"""One connection of the scripted relay: hears commands and plays the script."""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.relay.script import (
    Act,
    Drip,
    Drop,
    Pause,
    Reset,
    Say,
    Script,
    Send,
    Stage,
    Stall,
    StartTls,
    Turn,
    choose,
    reply_bytes,
)

KEYWORDS = ("PIPELINING", "SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8")
_READ = 65536
_READING_SECONDS = 0.05  # a RST overtakes what the client has not read yet
_ADDRESS = re.compile(r"<(.*)>")


class OverError(Exception):
    """The connection is over."""


@dataclass(frozen=True)
class Message:
    """One message that was taken: what came, dots unstuffed, and its envelope's commands."""

    content: bytes
    mail: str
    recipients: tuple[str, ...]
    connection: int
    is_tls: bool
    resumed: bool  # its TLS session is an earlier connection's


@dataclass
class Plan:
    """What all connections of one relay share."""

    script: Script
    keywords: Sequence[str] = KEYWORDS
    keywords_tls: Sequence[str] | None = None  # after STARTTLS; None: the same without STARTTLS
    context: ssl.SSLContext | None = None
    merged: bool = False  # replies are written when no further command waits
    most_recipients: int | None = None  # in one transaction; 452 for more
    messages: list[Message] = field(default_factory=list)
    dialogues: list[list[str]] = field(default_factory=list)
    turns: Counter[Stage] = field(default_factory=Counter)


class Dialogue:
    """`heard` is every command line as it came."""

    def __init__(
        self, *, plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: bool
    ) -> None:
        self._plan = plan
        self._reader = reader
        self._writer = writer
        self._tls = tls
        self._number = len(plan.dialogues)
        self._held = b""
        self._received = b""
        self._visits: Counter[Stage] = Counter()
        self._mail = ""
        self._recipients: list[str] = []
        self.heard: list[str] = []
        plan.dialogues.append(self.heard)

    async def run(self) -> None:
        try:
            await self._play(Stage.GREETING, "220 relay.test ESMTP")
            while True:
                await self._hear(await self._read_line())
        except (OverError, OSError):
            await self._close()

    async def _close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read_line(self) -> str:
        if self._held and b"\n" not in self._received:
            await self._flush()
        line = await self._read_until(b"\n")
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n")

    async def _read_until(self, end: bytes) -> bytes:
        """What has come up to `end`, and with it."""
        looked = 0
        while (found := self._received.find(end, looked)) < 0:
            looked = max(0, len(self._received) - len(end))
            if not (data := await self._reader.read(_READ)):
                raise OverError
            self._received += data
        after = found + len(end)
        taken, self._received = self._received[:after], self._received[after:]
        return taken

    async def _hear(self, line: str) -> None:
        self.heard.append(line)
        verb = line.partition(" ")[0].upper()
        match verb:
            case "EHLO":
                await self._hear_ehlo()
            case "STARTTLS":
                await self._play(Stage.STARTTLS, ["220 2.0.0 go ahead", StartTls()])
            case "AUTH":
                await self._hear_auth(line)
            case "MAIL":
                self._mail, self._recipients = line, []
                await self._play(Stage.MAIL, "250 2.1.0 ok", line)
            case "RCPT":
                await self._hear_recipient(line)
            case "DATA":
                await self._hear_data()
            case "QUIT":
                await self._play(Stage.QUIT, ["221 2.0.0 bye", Drop()])
            case "HELO" | "RSET" | "NOOP":
                await self._play(Stage(verb.lower()), "250 2.0.0 ok", line)
            case _:
                await self._do(Say("500 5.5.2 what"))

    async def _hear_ehlo(self) -> None:
        offered = list(self._plan.keywords)
        stage = Stage.EHLO
        if self._tls and self._plan.context is not None:
            stage = Stage.EHLO_TLS if Stage.EHLO_TLS in self._plan.script else Stage.EHLO
            after = self._plan.keywords_tls
            offered = [k for k in offered if k != "STARTTLS"] if after is None else list(after)
        await self._play(stage, "250 " + "\n".join(["relay.test", *offered]))

    async def _hear_auth(self, line: str) -> None:
        plain = line.upper().startswith("AUTH PLAIN ")
        if not await self._play(Stage.AUTH, "235 2.7.0 ok" if plain else "334 VXNlcm5hbWU6"):
            return
        asked = 0 if plain else 2
        for left in range(asked, 0, -1):
            self.heard.append(await self._read_line())
            await self._play(Stage.CREDENTIALS, "334 UGFzc3dvcmQ6" if left > 1 else "235 2.7.0 ok")

    async def _hear_recipient(self, line: str) -> None:
        most = self._plan.most_recipients
        if most is not None and len(self._recipients) >= most:
            await self._do(Say("452 4.5.3 too many recipients"))
        elif await self._play(Stage.RCPT, "250 2.1.5 ok", line):
            self._recipients.append(line)

    async def _hear_data(self) -> None:
        if not await self._play(Stage.DATA, "354 go ahead"):
            return
        await self._flush()
        await self._play(Stage.BODY, [])
        content = await self._read_body()
        self._plan.messages.append(
            Message(
                content=content,
                mail=self._mail,
                recipients=tuple(self._recipients),
                connection=self._number,
                is_tls=self._tls,
                resumed=self._tls and self._writer.get_extra_info("ssl_object").session_reused,
            )
        )
        await self._play(Stage.FINAL, f"250 2.0.0 queued as {len(self._plan.messages)}")

    async def _read_body(self) -> bytes:
        """Up to the lone dot, whatever the line ends before it."""
        self._received = b"\r\n" + self._received  # the line before may have been DATA
        stuffed = await self._read_until(b"\r\n.\r\n")
        return stuffed[:-3].replace(b"\r\n.", b"\r\n")[2:]

    async def _play(self, stage: Stage, well: str | list[str | Act], command: str = "") -> bool:
        """Whether what was said is what a relay in good order says here, by its first digit."""
        address = _ADDRESS.search(command)
        turn = Turn(
            connection=self._number,
            turn=self._plan.turns[stage],
            visit=self._visits[stage],
            command=command,
            address=address[1] if address else "",
        )
        self._plan.turns[stage] += 1
        self._visits[stage] += 1
        acts = choose(self._plan.script.get(stage, well), turn)
        good = choose(well, turn)
        for act in acts:
            await self._do(act)
        return not good or (bool(acts) and _digit(acts[0]) == _digit(good[0]))

    async def _do(self, act: Act) -> None:
        match act:
            case Say(text):
                await self._write(reply_bytes(text))
            case Send(data):
                await self._write(data)
            case Drip(data, seconds):
                for byte in data:
                    await self._write(bytes([byte]))
                    await self._flush()
                    await asyncio.sleep(seconds)
            case Pause(seconds):
                await self._flush()
                await asyncio.sleep(seconds)
            case Stall():
                await self._flush()
                await asyncio.Event().wait()
            case Drop():
                await self._flush()
                raise OverError
            case Reset():
                await self._flush()
                await asyncio.sleep(_READING_SECONDS)
                self._reset()
            case StartTls():
                await self._start_tls()

    async def _write(self, data: bytes) -> None:
        self._held += data
        if not self._plan.merged:
            await self._flush()

    async def _flush(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._writer.write(held)
            await self._writer.drain()

    def _reset(self) -> None:
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        raise OverError

    async def _start_tls(self) -> None:
        await self._flush()
        if self._plan.context is None:
            raise OverError
        await self._writer.start_tls(self._plan.context)
        self._tls = True


def _digit(act: Act) -> str:
    if isinstance(act, Say):
        return act.text[:1]
    return act.data[:1].decode("latin-1") if isinstance(act, Send | Drip) else ""
