"""JSON objects that an operator gives in a file or on standard input."""

import json
import sys
from pathlib import Path
from typing import Any


class JsonFileError(Exception):
    """The file holds no JSON object that can be read. The message says why, in one line."""


def read_object(name: str) -> dict[str, Any]:
    """The object in a file, or on standard input for `-`. A member given twice is an error."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        value = json.loads(text, object_pairs_hook=_once)
    except OSError as error:
        raise JsonFileError(f"{name}: cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise JsonFileError(f"{name}:{error.lineno}: is not JSON: {error.msg}") from None
    except _TwiceError:
        raise JsonFileError(f"{name}: gives a member twice") from None
    except (ValueError, RecursionError):
        raise JsonFileError(f"{name}: is not JSON in UTF-8 that can be read") from None
    if not isinstance(value, dict):
        raise JsonFileError(f"{name}: is not a JSON object")
    return value


class _TwiceError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _TwiceError
    return members
