"""TLS between the commands and the socket: bytes in, bytes out, and no waiting of its own.

Over memory, so that every wait stays the wire's: OpenSSL, given the socket, would go on reading a
record that drips in for as long as it takes, whatever the deadline.
"""

import ssl
import time
from dataclasses import dataclass

_READ = 16384  # no record holds more
# Seconds. A resumed session shows no certificate: this is how late an expired one, or one that the
# authority no longer vouches for, may be noticed.
_LONGEST_TRUST = 300.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """What lets the next connection go on with this one's TLS session (RFC 8446 section 2.2).

    `verified_at` is when the certificate was looked at, by the monotonic clock.
    """

    session: ssl.SSLSession
    verified_at: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.verified_at < _LONGEST_TRUST


class TlsLayer:
    """`outgoing` is what the socket has not taken yet of what was encrypted.

    `link` tells of the certificate and the cipher. `has_ended` says that the relay has ended TLS.
    """

    def __init__(self, *, context: ssl.SSLContext, host: str, ticket: Ticket | None = None) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._resumed = ticket
        self._begun_at = time.monotonic()
        self.link = context.wrap_bio(
            self._in,
            self._out,
            server_hostname=host,
            session=self._resumed.session if self._resumed else None,
        )
        self.outgoing = b""
        self.has_ended = False

    def feed(self, data: bytes) -> None:
        self._in.write(data)

    def shake_hands(self) -> bool:
        """Go on with the handshake; whether it is done. Raises ssl.SSLError."""
        try:
            self.link.do_handshake()
        except ssl.SSLWantReadError:
            return False
        else:
            return True
        finally:
            self.outgoing += self._out.read()

    @property
    def ticket(self) -> Ticket | None:
        """For the next connection to the same relay; it may refuse it and start again."""
        session = self.link.session
        if session is None:
            return None
        resumed = self._resumed if self.link.session_reused else None
        return Ticket(session, resumed.verified_at if resumed else self._begun_at)

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """The bytes for the socket, which are `outgoing` until it has taken them."""
        self.link.write(data)
        self.outgoing = self._out.read()
        return self.outgoing

    def decrypt(self, data: bytes) -> bytes:
        """What is complete now, which may be nothing. Raises ssl.SSLError."""
        self._in.write(data)
        plain = b""
        while self._in.pending and not self.has_ended:
            try:
                part = self.link.read(_READ)
            except ssl.SSLWantReadError:
                break
            self.has_ended = not part
            plain = plain + part if plain else part
        return plain
