"""A dialogue with the relay as an operator reads it, and as a script does. Pure."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from deliveries.attempt.smtp.relay import Relay
from deliveries.conf import TlsMode
from deliveries.diagnosis.relay.advice import advice_for
from deliveries.diagnosis.relay.dialogue import Exchange
from deliveries.diagnosis.relay.probe import Probe
from deliveries.outcome.report import Event, Reply

EX_REFUSED = 1

_AWAY = frozenset({Event.DNS_FAILED, Event.CONNECT_FAILED, Event.TIMEOUT, Event.CONNECTION_LOST})
_OURS = ("PLAIN", "LOGIN")  # the client's mechanisms, the one it prefers first
_DAY = timedelta(days=1)
_NOT_AFTER = "%b %d %H:%M:%S %Y %Z"
_WIDTH = 12


@dataclass(frozen=True, slots=True)
class RelayCheck:
    """`relay` as configured, `probe` as found. Replies of the relay are shown, secrets not."""

    relay: Relay
    probe: Probe
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def exit_status(self) -> int:
        ended = self.probe.ended
        if ended is None:
            return os.EX_OK
        return os.EX_UNAVAILABLE if ended.event in _AWAY else EX_REFUSED

    def as_json(self) -> str:
        seen, ended = self.probe, self.probe.ended
        whole: dict[str, Any] = {
            "relay": f"{self.relay.host}:{self.relay.port}",
            "tls_mode": self.relay.tls.value,
            "peer": seen.peer or None,
            "connect_ms": seen.connect_ms,
            "total_ms": seen.total_ms,
            "spent_ms": {phase.value: round(ms, 3) for phase, ms in seen.spent},
            "greeting": _text(seen.greeting),
            "ehlo": [
                {"encrypted": e.encrypted, "keywords": e.keywords} for e in _introductions(seen)
            ],
            "tls": self._encryption_as_json(),
            "auth_mechanisms": list(seen.mechanisms),
            "login": _text(seen.login),
            "sender": _text(seen.sender),
            "would_take_mail": ended is None,
            "failure_code": seen.failure_code,
            "phase": ended.phase.value if ended else None,
            "problem": seen.problem or None,
            "advice": advice_for(seen.failure_code) if ended else None,
        }
        return json.dumps(whole)

    def __str__(self) -> str:
        return "\n".join(f"{name.ljust(_WIDTH)}  {value}" for name, value in self._lines())

    def _lines(self) -> Iterator[tuple[str, str]]:
        seen = self.probe
        yield "relay", f"{self.relay.host}:{self.relay.port}, MAIL_SMTP_TLS={self.relay.tls}"
        if seen.peer:
            yield "connected", f"to {seen.peer} in {seen.connect_ms:.1f} ms"
        if self.relay.tls is TlsMode.TLS:
            yield from self._encryption_lines()
        if seen.greeting is not None:
            yield "greeting", seen.greeting.summary
        for introduction in _introductions(seen):
            name = "EHLO in TLS" if introduction.encrypted else "EHLO"
            yield name, _offer(introduction.keywords)
            if not introduction.encrypted:
                yield from self._encryption_lines()
        yield from self._login_lines()
        if seen.sender is not None:
            yield "sender", seen.sender.summary
        if seen.spent:
            yield "time", ", ".join(f"{phase} {ms:.1f} ms" for phase, ms in seen.spent)
        yield from self._ending()

    def _encryption_lines(self) -> Iterator[tuple[str, str]]:
        found = self.probe.encryption
        if found is None:
            return
        yield "TLS", f"{found.version}, {found.cipher}"
        until = expiry_of(found.not_after)
        days = f", {(until - self.now) // _DAY} days from now" if until else ""
        yield "certificate", f"{found.subject or '(no subject)'}, issued by {found.issuer}"
        yield "", f"for {', '.join(found.names)}, until {found.not_after}{days}"

    def _login_lines(self) -> Iterator[tuple[str, str]]:
        seen = self.probe
        if not seen.keywords:
            return
        used = next((name for name in _OURS if name in seen.mechanisms), None)
        offered = ", ".join(seen.mechanisms) or "none"
        yield "AUTH", f"{offered} offered; {used or 'none'} would be used"
        if not self.relay.username:
            yield "login", "not configured"
        elif seen.login is not None:
            yield "login", seen.login.summary

    def _ending(self) -> Iterator[tuple[str, str]]:
        seen = self.probe
        if seen.ended is None:
            yield "result", f"mail would be taken; nothing was sent ({seen.total_ms:.0f} ms)"
            return
        yield "result", f"NO MAIL CAN BE SENT: {seen.problem}"
        yield "what to do", advice_for(seen.failure_code)

    def _encryption_as_json(self) -> dict[str, Any] | None:
        found = self.probe.encryption
        if found is None:
            return None
        until = expiry_of(found.not_after)
        return {
            "version": found.version,
            "cipher": found.cipher,
            "subject": found.subject,
            "issuer": found.issuer,
            "names": list(found.names),
            "not_after": until.isoformat() if until else None,
        }


def expiry_of(not_after: str) -> datetime | None:
    """The end of a certificate's life, from how OpenSSL writes it."""
    try:
        written = re.sub(r"\s+", " ", not_after)
        return datetime.strptime(written, _NOT_AFTER).replace(tzinfo=UTC)
    except ValueError:
        return None


def _introductions(seen: Probe) -> list[Exchange]:
    return [exchange for exchange in seen.exchanges if exchange.keywords]


def _offer(keywords: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}".strip() for name, value in keywords.items())


def _text(reply: Reply | None) -> str | None:
    return None if reply is None else reply.summary
