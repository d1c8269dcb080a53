"""The mail catcher: an SMTP server that keeps what it gets and sends nothing anywhere.

It takes mail only over STARTTLS and, when a login is given, only after AUTH. Run as a process:
`python -m mailproject.embedded.catcher --folder F --certificate C --key K --listen-fd N`, with
the listening socket inherited; the login comes in `CATCHER_USERNAME` and `CATCHER_PASSWORD`.
"""

import argparse
import asyncio
import hmac
import os
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailproject.embedded.mailbox import MailFolder

MAX_MESSAGE_BYTES = 32 * 1024 * 1024


class Catcher:
    """aiosmtpd's handler: keeps every message, says so in the log, refuses nothing."""

    def __init__(self, folder: MailFolder) -> None:
        self._folder = folder

    async def handle_EHLO(  # noqa: N802 - the name is aiosmtpd's
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        # PIPELINING is true of aiosmtpd, which reads a line at a time from its buffer
        offered = [line for line in responses if line != "250-AUTH "]
        return [*offered[:-1], "250-PIPELINING", offered[-1]]

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content
        assert isinstance(content, bytes)
        tls = session.ssl["ssl_object"].version() if session.ssl else None
        login = session.auth_data
        mail = self._folder.keep(
            content,
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            tls=tls,
            login=login.login.decode() if isinstance(login, LoginPassword) else None,
        )
        print(f"caught {mail.file}", flush=True)
        return f"250 2.0.0 kept as {mail.file.partition('-')[0]}"

    async def handle_exception(self, error: Exception) -> str:
        print(f"not caught: {type(error).__name__}: {error}", flush=True)
        return "451 4.3.0 the catcher failed, see its log"


class Login:
    """aiosmtpd's authenticator for one name and password."""

    def __init__(self, username: str, password: str) -> None:
        self._expected = LoginPassword(username.encode(), password.encode())

    def __call__(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any
    ) -> AuthResult:
        right = (
            isinstance(given, LoginPassword)
            and hmac.compare_digest(given.login, self._expected.login)
            and hmac.compare_digest(given.password, self._expected.password)
        )
        return AuthResult(success=right, handled=False, auth_data=given)


async def serve(
    *, listener: socket.socket, folder: MailFolder, context: ssl.SSLContext, login: Login | None
) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    handler = Catcher(folder)

    def session() -> SMTP:
        return SMTP(
            handler,
            hostname="localhost",
            ident="ESMTP mail catcher",
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            tls_context=context,
            require_starttls=True,
            authenticator=login,
            auth_required=login is not None,
            auth_exclude_mechanism=None if login else ["PLAIN", "LOGIN"],
            loop=loop,
        )

    server = await loop.create_server(session, sock=listener)
    print("mail catcher started", flush=True)
    await stop.wait()
    server.close()
    print("mail catcher stopped", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Keep mail in a folder, send none on.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--listen-fd", type=int, required=True)
    options = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    username = os.environ.get("CATCHER_USERNAME", "")
    asyncio.run(
        serve(
            listener=socket.socket(fileno=options.listen_fd),
            folder=MailFolder(options.folder),
            context=context,
            login=Login(username, os.environ["CATCHER_PASSWORD"]) if username else None,
        )
    )


if __name__ == "__main__":
    main()
