"""The relay that mail is handed to, and the TLS that it is held to."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from deliveries.conf import TlsMode


@dataclass(frozen=True, slots=True)
class Relay:
    """Where and how to connect. Times are seconds.

    `timeout` is the budget of one attempt from the connection to the end of the message, as a
    whole; the reply to the message has `final_reply_timeout` of its own.
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


def make_ssl_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and name verified. Takes some 30 ms: once a process."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
