"""`python -m mailproject.embedded demo|run`: see `make help`."""

import argparse
import os
import sys

from mailproject.embedded.demo import demo
from mailproject.embedded.errors import EmbeddedError
from mailproject.embedded.run import run
from mailproject.embedded.stack import CHECKOUT


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mailproject.embedded",
        description="The service on PostgreSQL, Valkey and a mail catcher of its own.",
    )
    parser.add_argument(
        "what",
        choices=("demo", "run"),
        help="demo: show a dozen commands become mail, and end; run: stay up until Ctrl-C",
    )
    options = parser.parse_args()
    os.chdir(CHECKOUT)
    try:
        return demo() if options.what == "demo" else run()
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
