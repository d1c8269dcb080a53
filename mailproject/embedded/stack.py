"""Everything a run needs, started in order and stopped in the reverse: servers, catcher, processes.

Nothing is shared between runs: ports are free ones, passwords random, and the data goes with them.
"""

import hashlib
import os
import secrets
import shlex
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from mailproject.embedded.certificates import Certificates, make_certificates
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.errors import FolderBusyError, FolderUnusableError
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interruption
from mailproject.embedded.mailbox import MailFolder
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from mailproject.embedded.postgres import start_postgres
from mailproject.embedded.procfile import await_started, start_processes, stop_processes
from mailproject.embedded.provision import ServiceDatabase
from mailproject.embedded.valkey import start_valkey

CHECKOUT = Path(__file__).resolve().parents[2]
MAIL = "mail"
LOGS = "logs"
ENVIRONMENT = "env"
_DATABASE = "mail"
_ROLE = "mailservice"
# the service's default of MAIL_SHUTDOWN_TIMEOUT, and a margin
_STOP_SECONDS = 15.0
_CATCHER_STOP_SECONDS = 5.0
# Of the caller's shell. No variable of the service: one that names a server of the caller's own
# would be mixed into the stack.
_INHERITED = ("PATH", "HOME", "LANG", "TZ", "MAIL_LOG_LEVEL")


def hold_run_folder(checkout: Path, *, chosen: Path | None = None) -> RunFolder:
    """Hold the chosen folder; with none, `.run` in the checkout or, where that cannot be written,
    a private temporary folder. Raises as RunFolder.hold.
    """
    if chosen is not None:
        return RunFolder.hold(chosen)
    owner = checkout.stat()
    try:
        return RunFolder.hold(checkout / ".run", owner=(owner.st_uid, owner.st_gid))
    except FolderUnusableError:
        which = hashlib.sha256(str(checkout).encode()).hexdigest()[:12]
        home = Path(tempfile.gettempdir()).resolve()
        return RunFolder.hold(home / f"mail-service-run-{os.geteuid()}-{which}")


def _hold_patiently(
    chosen: Path | None, *, interruption: Interruption, tell: Callable[[str], None]
) -> RunFolder:
    """Give a run that is just ending, its `make` killed perhaps, the time to end."""
    deadline = time.monotonic() + _STOP_SECONDS
    told = False
    while True:
        try:
            return hold_run_folder(CHECKOUT, chosen=chosen)
        except FolderBusyError as error:
            if time.monotonic() > deadline:
                raise
            if not told:
                tell(f"{error}; waiting up to {_STOP_SECONDS:.0f} s for its end")
                told = True
        interruption.sleep(0.2)


class Stack:
    """The embedded default, running. Close it whatever happens."""

    def __init__(
        self, folder: Path | None, *, interruption: Interruption, tell: Callable[[str], None]
    ) -> None:
        """`folder` as in `hold_run_folder`; `tell` gets a line for each start and stop."""
        self.folder = _hold_patiently(folder, interruption=interruption, tell=tell)
        self.processes: list[Child] = []
        self.unclean: list[Child] = []
        self.environment: dict[str, str] = {}
        self._interruption = interruption
        self._tell = tell
        self._stops = ExitStack()

    @property
    def mail(self) -> MailFolder:
        return MailFolder(self.folder.path / MAIL)

    def start(self, *, log_format: str, more: Mapping[str, str] | None = None) -> None:
        """Start everything; returns when each process has logged its start line.

        `more` are variables of the service in addition to those that reach the servers.
        """
        postgres = start_postgres(folder=self.folder)
        self._running("PostgreSQL", postgres.stop, f"{LOOPBACK}:{postgres.port}")
        dsn = postgres.make_database(
            ServiceDatabase(name=_DATABASE, role=_ROLE, password=secrets.token_hex(16))
        )
        valkey = start_valkey(folder=self.folder)
        self._running("Valkey", valkey.stop, valkey.address)
        relay = self._start_catcher()
        self.environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "MAIL_SECRET_KEY": secrets.token_hex(32),
            "MAIL_REDIS_MASTER_ADDR": valkey.address,
            "MAIL_REDIS_PASSWORD": valkey.password,
            "MAIL_POSTGRES_PRIMARY_DSN": dsn,
            **relay,
            "MAIL_LOG_FORMAT": log_format,
            **(more or {}),
        }
        with ReservedPort() as port:
            self.environment["MAIL_INTERNAL_HTTP_ADDR"] = f"{LOOPBACK}:{port.number}"
        self._start_processes()

    def _start_catcher(self) -> Mapping[str, str]:
        certificates = make_certificates(self.folder.subfolder("tls"))
        for path in (certificates.authority, certificates.server, certificates.server_key):
            self.folder.own(path)
        username, password = "mailservice", secrets.token_hex(16)
        with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
            address = f"{LOOPBACK}:{listener.getsockname()[1]}"
            catcher = start_catcher(
                folder=self.folder,
                mail=self.folder.subfolder(MAIL),
                certificates=certificates,
                listener=listener,
                login=(username, password),
            )
        self._running(
            "the mail catcher", lambda: catcher.stop(seconds=_CATCHER_STOP_SECONDS), address
        )
        return {
            "MAIL_SMTP_MODE": "smtp",
            "MAIL_SMTP_ADDR": address,
            "MAIL_SMTP_TLS": "starttls",
            "MAIL_SMTP_CA_FILE": str(certificates.authority),
            "MAIL_SMTP_USERNAME": username,
            "MAIL_SMTP_PASSWORD": password,
            "MAIL_SMTP_FROM_EMAIL": "service@example.com",
            "MAIL_SMTP_FROM_NAME": "Mail Service",
        }

    def _start_processes(self) -> None:
        self._interruption.check()
        self.processes = start_processes(
            folder=self.folder, checkout=CHECKOUT, environment=self.environment
        )
        self._stops.callback(self._stop_processes)
        await_started(self.processes, interruption=self._interruption)
        self._tell(f"started {', '.join(child.name for child in self.processes)}")

    def _stop_processes(self) -> None:
        self.unclean = stop_processes(self.processes, seconds=_STOP_SECONDS)
        self._tell(f"stopped {', '.join(child.name for child in self.processes)}")

    def _running(self, what: str, stop: Callable[[], object], where: str) -> None:
        def stopped() -> None:
            stop()
            self._tell(f"stopped {what}")

        self._stops.callback(stopped)
        self._tell(f"started {what} at {where}")
        self._interruption.check()

    def write_environment(self) -> Path:
        """Write the configuration as shell exports, for a person's other terminal."""
        path = self.folder.path / ENVIRONMENT
        path.touch(mode=0o600)
        exports = [
            f"export {name}={shlex.quote(value)}\n"
            for name, value in self.environment.items()
            if name.startswith(("MAIL_", "OTEL_"))
        ]
        path.write_text("".join(exports))
        return self.folder.own(path)

    def close(self, *, keep: frozenset[str]) -> None:
        """Stop everything in reverse order, then remove the folder's contents except `keep`."""
        self._interruption.close()
        try:
            self._stops.close()
        finally:
            self.folder.close(keep=keep)


def start_catcher(
    *,
    folder: RunFolder,
    mail: Path,
    certificates: Certificates,
    listener: socket.socket,
    login: tuple[str, str] | None,
) -> Child:
    """Start a mail catcher on a listening socket: it can be connected to at once."""
    username, password = login or ("", "")
    return start_child(
        folder=folder,
        name="catcher",
        argv=[
            *(sys.executable, "-m", "mailproject.embedded.catcher", "--folder", str(mail)),
            *("--certificate", str(certificates.server), "--key", str(certificates.server_key)),
            *("--listen-fd", str(listener.fileno())),
        ],
        environment={"CATCHER_USERNAME": username, "CATCHER_PASSWORD": password},
        log=folder.subfolder(LOGS) / "catcher.log",
        cwd=CHECKOUT,
        pass_fds=(listener.fileno(),),
    )
