"""How the benches begin and end: their folder, Ctrl-C, errors as one line."""

import argparse
import smtplib
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis

from mailproject.embedded.errors import EmbeddedError
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.interruption import Interrupted, Interruption
from mailproject.embedded.stack import CHECKOUT, hold_run_folder

INTERRUPTED = 130


class BenchError(Exception):
    """A round that proves nothing: something was not sent, or was sent twice."""


def add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, help="where its files go (default: .run here)")


def run_in_folder(chosen: Path | None, work: Callable[[RunFolder, Interruption], int]) -> int:
    """The exit status of `work`, which closes what it starts; after an error 1, and one line."""
    interruption = Interruption()
    try:
        folder = hold_run_folder(CHECKOUT, chosen=chosen.absolute() if chosen else None)
        try:
            return work(folder, interruption)
        finally:
            interruption.close()
            folder.close()
    except (Interrupted, KeyboardInterrupt):
        return INTERRUPTED
    except (
        BenchError,
        EmbeddedError,
        psycopg.Error,
        redis.RedisError,
        smtplib.SMTPException,
        OSError,
    ) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
