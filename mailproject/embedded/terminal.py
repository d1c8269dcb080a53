"""Lines for the person at the terminal."""

import os
from pathlib import Path


def tell(line: str) -> None:
    print(line, flush=True)


def relative(path: Path) -> str:
    """Return the path as seen from here, when it is below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else os.fspath(path)
