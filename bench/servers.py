"""The servers of a bench: PostgreSQL and Valkey, from its beginning to its end."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.session import run_in_folder
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interruption
from mailproject.embedded.postgres import Postgres, start_postgres
from mailproject.embedded.provision import ServiceDatabase
from mailproject.embedded.valkey import Valkey, start_valkey

_STREAM = "mail:delivery_commands"


@dataclass(frozen=True, slots=True)
class Servers:
    """Running servers, and the folder of the run that they belong to."""

    folder: RunFolder
    interruption: Interruption
    postgres: Postgres
    valkey: Valkey

    def make_database(self, name: str) -> str:
        """Make an empty database with a role of the same name; returns the service's URL."""
        password = secrets.token_hex(16)
        return self.postgres.make_database(ServiceDatabase(name=name, role=name, password=password))

    def fill_stream(self, entries: Iterable[Mapping[str, str]]) -> None:
        """Leave nothing in Valkey but the stream with these entries."""
        with self.valkey.connect() as client:
            client.flushdb()
            pipeline = client.pipeline(transaction=False)
            for entry in entries:
                pipeline.xadd(_STREAM, dict(entry))
            pipeline.execute()

    def publish(self, entry: Mapping[str, str]) -> None:
        with self.valkey.connect() as client:
            client.xadd(_STREAM, dict(entry))


@contextmanager
def start_servers(folder: RunFolder, interruption: Interruption) -> Iterator[Servers]:
    with ExitStack() as stops:
        postgres = start_postgres(folder=folder)
        stops.callback(postgres.stop)
        valkey = start_valkey(folder=folder)
        stops.callback(valkey.stop)
        yield Servers(folder, interruption, postgres, valkey)


def run_with_servers(chosen: Path | None, work: Callable[[Servers], int]) -> int:
    """`run_in_folder` for work that needs the servers."""

    def work_in_folder(folder: RunFolder, interruption: Interruption) -> int:
        with start_servers(folder, interruption) as servers:
            return work(servers)

    return run_in_folder(chosen, work_in_folder)
