"""Valkey from the wheel's program: speaks Redis, on loopback, with a password."""

import secrets
import time
from dataclasses import dataclass, field

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mailproject.embedded.account import server_account
from mailproject.embedded.binaries import find_binaries
from mailproject.embedded.child import Child, start_child
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.ports import LOOPBACK, ReservedPort

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Valkey:
    child: Child
    port: int
    password: str = field(repr=False)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def connect(self) -> redis.Redis:
        return connect(self.address, self.password)

    def stop(self) -> None:
        self.child.stop(seconds=_STOP_SECONDS)


def connect(address: str, password: str) -> redis.Redis:
    """Return a client that speaks bytes and sends no command twice by itself."""
    host, _, port = address.rpartition(":")
    once = Retry(NoBackoff(), 0)
    return redis.Redis(host=host, port=int(port), password=password or None, retry=once)


def start_valkey(
    *,
    folder: RunFolder,
    port: ReservedPort | None = None,
    password: str | None = None,
    durable: bool = True,
) -> Valkey:
    """Start a server; `durable` has every command on disk within a second.

    Raises ChildFailedError.
    """
    account = server_account()
    data = folder.server_data()
    program = find_binaries(account=account, spare=data).valkey
    reserved = port or ReservedPort()
    secret = password or secrets.token_hex(16)
    configuration = data / "valkey.conf"
    configuration.touch(mode=0o600)
    # a file, not arguments: those are in every user's process list
    configuration.write_text(
        f"bind {LOOPBACK}\nport {reserved.number}\nrequirepass {secret}\n"
        f"dir {_quoted(str(data))}\nsave ''\nmaxmemory-policy noeviction\n"
        f"appendonly {'yes' if durable else 'no'}\nappendfsync everysec\ndaemonize no\n"
    )
    if account is not None:
        account.give(configuration)
    reserved.release()
    child = start_child(
        folder=folder,
        name="valkey",
        argv=[str(program), str(configuration)],
        environment={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        log=folder.subfolder("logs") / "valkey.log",
        cwd=data,
        account=account,
    )
    server = Valkey(child=child, port=reserved.number, password=secret)
    _await_answer(server)
    return server


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _await_answer(server: Valkey) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if server.child.has_ended:
            raise server.child.failed(f"ended with exit status {server.child.process.returncode}")
        try:
            with server.connect() as client:
                client.ping()
        except redis.RedisError:
            if time.monotonic() > deadline:
                server.child.stop(seconds=_STOP_SECONDS)
                raise server.child.failed(f"did not answer within {_START_SECONDS:.0f} s") from None
            time.sleep(0.02)
        else:
            return
