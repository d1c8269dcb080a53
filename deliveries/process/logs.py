"""Structured logs on stderr: one line per record, whatever is in it.

    logger.info("retry scheduled", extra={"delivery_id": "d-1", "attempt_no": 2})

Every `extra` becomes a field beside `timestamp`, `level`, `logger`, `message` and `process`; one
that has such a name gets the prefix `field_`. Where a span is active its ids are fields too. An
exception shows as its class, SQLSTATE or errno and its stack, never as its text: the text of a
database error holds values of rows.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from deliveries.conf import LogFormat, LogLevel
from deliveries.process.lines import console_line, json_line, plain
from deliveries.process.stack import causes_of, frames_of, name_error
from deliveries.telemetry.current import current_ids

# The loggers whose debug records are this project's own. Libraries' debug records may hold values.
_OWN_LOGGERS = ("deliveries", "mailproject")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_RESERVED = frozenset(
    {"timestamp", "level", "logger", "message", "process", "error", "caused_by", "traceback"}
)
_LEVELS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}


def configure(*, log_level: LogLevel, log_format: LogFormat, process: str) -> None:
    """Send every logger's records to stderr. `process` is the Procfile type, or a command's name.

    Warnings of Python are records too. A second call replaces what the first set up.
    """
    handler = LineHandler(sys.stderr)
    handler.setFormatter(LineFormatter(log_format=log_format, process=process))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, LineHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = _LEVELS[log_level]
    root.setLevel(max(level, logging.INFO))
    for name in _OWN_LOGGERS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)


class LineFormatter(logging.Formatter):
    """A record as one line, in JSON or for people."""

    def __init__(self, *, log_format: LogFormat, process: str) -> None:
        super().__init__()
        self._process = process
        self._write = json_line if log_format is LogFormat.JSON else console_line

    def format(self, record: logging.LogRecord) -> str:
        return self._write(dict(self._entries(record)))

    def _entries(self, record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
        yield "timestamp", record.created
        yield "level", record.levelname.lower()
        yield "logger", record.name
        yield "message", record.getMessage()
        yield "process", self._process
        yield from current_ids().items()
        yield from fields_of(vars(record))
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            yield "error", name_error(error)
            causes = causes_of(error)
            if causes:
                yield "caused_by", causes
            yield "traceback", frames_of(error)


class LineHandler(logging.StreamHandler[Any]):
    """Writes lines. A record that cannot be written leaves a line that says so, without it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        error = sys.exc_info()[1]
        told = {
            "level": "error",
            "logger": record.name,
            "message": "log record could not be written",
            "error": name_error(error) if error else None,
            "at": f"{record.module}:{record.lineno}",
        }
        # with stderr itself gone there is nowhere left to log
        with suppress(OSError, ValueError):
            self.stream.write(json_line({"timestamp": record.created, **told}) + self.terminator)


def fields_of(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the caller added to a record, in plain values."""
    for name, value in attributes.items():
        if name not in _STANDARD:
            yield (f"field_{name}" if name in _RESERVED else name), plain(value)
