"""A wire that keeps what was said on it, secrets hidden."""

import ssl
from dataclasses import dataclass, field
from typing import Any

from deliveries.attempt.smtp.authentication import Credentials
from deliveries.attempt.smtp.relay import Relay
from deliveries.attempt.smtp.replies import parse_keywords, parse_reply
from deliveries.attempt.smtp.tls import Ticket
from deliveries.attempt.smtp.wire import Wire
from deliveries.outcome.report import Reply


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command's verb, empty for the greeting, and the reply to it."""

    verb: str
    encrypted: bool
    reply: Reply
    keywords: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Encryption:
    """`names` are what the certificate is valid for; `not_after` is as OpenSSL writes it."""

    version: str
    cipher: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_after: str


class OverheardWire(Wire):
    """`exchanges` and `encryption` tell how far the dialogue came, also when it ended early."""

    def __init__(self, *, relay: Relay, **parts: Any) -> None:
        super().__init__(**parts)
        self.exchanges: list[Exchange] = []
        self.encryption: Encryption | None = None
        self._credentials = _credentials_of(relay)
        self._verb = ""

    def ask(self, commands: bytes) -> None:
        verb = commands.split(b" ", 1)[0].strip().decode("ascii", "replace").upper()
        # the lines that answer a 334 are credentials, and part of the AUTH before them
        continues = bool(self.exchanges) and self.exchanges[-1].reply.code == 334
        self._verb = "AUTH" if continues else verb
        super().ask(commands)

    def read(self) -> bytes:
        raw = super().read()
        shown = self._credentials.hide(raw) if self._credentials else raw
        introduces = self._verb == "EHLO" and raw.startswith(b"2")
        self.exchanges.append(
            Exchange(
                verb=self._verb,
                encrypted=self.encryption is not None,
                reply=parse_reply(shown),
                keywords=parse_keywords(raw) if introduces else {},
            )
        )
        return raw

    def upgrade(self, *, context: ssl.SSLContext, host: str, ticket: Ticket | None = None) -> None:
        super().upgrade(context=context, host=host, ticket=ticket)
        if self._tls is not None:
            self.encryption = _encryption_of(self._tls.link)


def _credentials_of(relay: Relay) -> Credentials | None:
    return Credentials(relay.username, relay.password) if relay.username else None


def _encryption_of(link: ssl.SSLObject) -> Encryption:
    certificate: dict[str, Any] = link.getpeercert() or {}
    cipher = link.cipher()
    return Encryption(
        version=link.version() or "",
        cipher=cipher[0] if cipher else "",
        subject=_name(certificate.get("subject", ())),
        issuer=_name(certificate.get("issuer", ())),
        names=tuple(value for _, value in certificate.get("subjectAltName", ())),
        not_after=certificate.get("notAfter", ""),
    )


def _name(parts: Any) -> str:
    """A distinguished name as `CN=relay, O=Example`, most particular first."""
    pairs = [pair for group in reversed(parts) for pair in group]
    return ", ".join(f"{_SHORT.get(name, name)}={value}" for name, value in pairs)


_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
}
