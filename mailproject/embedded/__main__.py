"""`python -m mailproject.embedded demo|run`: see `make help`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from mailproject.embedded.demo import EXIT_INTERRUPTED, demo
from mailproject.embedded.errors import EmbeddedError
from mailproject.embedded.interruption import Interrupted
from mailproject.embedded.run import run
from mailproject.embedded.stack import CHECKOUT
from mailproject.embedded.tether import end_with


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mailproject.embedded",
        description="The service on PostgreSQL, Valkey and a mail catcher of its own.",
    )
    parser.add_argument(
        "what",
        choices=("demo", "run"),
        help="demo: show a dozen commands become mail, and end; run: stay up until Ctrl-C",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where its files go, and the mail stays; one folder per run (default: .run here)",
    )
    parser.add_argument(
        "--otlp", metavar="URL", help="of run: a collector that gets metrics and traces"
    )
    return parser


def main() -> int:
    options = make_parser().parse_args()
    folder = options.folder.absolute() if options.folder else None
    os.chdir(CHECKOUT)
    # a killed `make` leaves nobody to press Ctrl-C
    end_with(os.getppid(), signal.SIGTERM)
    try:
        return demo(folder) if options.what == "demo" else run(folder, otlp=options.otlp)
    except Interrupted:
        return EXIT_INTERRUPTED
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
