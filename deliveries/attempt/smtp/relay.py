"""The relay that mail is handed to, and the TLS that it is held to."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from deliveries.conf import TlsMode


@dataclass(frozen=True, slots=True)
class Relay:
    """Where and how to connect. Times are seconds.

    `timeout` is the budget of one send as a whole, from the look-up of the name to the last byte
    of the message; the reply to the message has `final_reply_timeout` of its own. `ssl_context` is
    required unless `tls` is NONE.
    """

    host: str
    port: int
    tls: TlsMode
    helo_name: str
    timeout: float
    final_reply_timeout: float
    username: str = ""
    password: str = field(default="", repr=False)
    ssl_context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if self.tls is not TlsMode.NONE and self.ssl_context is None:
            raise ValueError("a relay with TLS needs an SSL context")


def make_ssl_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and name verified. Takes some 30 ms: once per process."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A write that waited for the relay's bytes would have no place in one budget.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context
