"""What a record becomes: one line, whatever is in it, and no value that nobody asked for."""

import io
import json
import logging
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError
from hypothesis import given
from hypothesis import strategies as st

from deliveries.conf import LogFormat, LogLevel
from deliveries.process import logs
from deliveries.process.lines import console_line, json_line, plain
from deliveries.states import Source
from deliveries.telemetry.current import active

SECRET = "value-of-a-row"
OWN = logging.getLogger("deliveries.intake.consumer")
LIBRARY = logging.getLogger("somebody.else")
# everything that ends a line for some reader, or that a terminal obeys
DANGEROUS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E)]


@pytest.fixture
def stderr() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def configure(stderr, monkeypatch) -> Iterator[Callable[..., None]]:
    """Sends what is logged to `stderr`, and nowhere else; afterwards logging is as it was."""
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in (None, "deliveries", "mailproject")}

    def call(level: LogLevel = LogLevel.INFO, log_format: LogFormat = LogFormat.JSON) -> None:
        # here, because pytest sets its own stderr and handlers once the fixtures are made
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(
            root, "handlers", [old for old in root.handlers if isinstance(old, logs.LineHandler)]
        )
        logs.configure(log_level=level, log_format=log_format, process="consumer")

    yield call
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict]:
    text = stream.getvalue()
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def line(stream: io.StringIO) -> dict:
    (only,) = lines(stream)
    return only


def test_a_record_is_one_object(configure, stderr):
    configure()
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    OWN.warning("retry %s", "scheduled", extra={"delivery_id": "d-1", "attempt_no": 2})
    made = line(stderr)
    assert before <= datetime.fromisoformat(made["timestamp"]) <= datetime.now(UTC)
    assert len(made.pop("timestamp")) == len("2026-01-02T03:04:05.678Z")
    assert made == {
        "level": "warning",
        "logger": "deliveries.intake.consumer",
        "message": "retry scheduled",
        "process": "consumer",
        "delivery_id": "d-1",
        "attempt_no": 2,
    }


def test_time_is_written_as_rfc_3339_in_utc():
    assert json.loads(json_line({"timestamp": 0.9996}))["timestamp"] == "1970-01-01T00:00:00.999Z"


def test_a_field_with_a_taken_name_gets_a_prefix(configure, stderr):
    configure()
    OWN.info("x", extra={"level": 3, "error": "e", "timestamp": 1, "logger": 1, "traceback": 1})
    made = line(stderr)
    assert made["level"] == "info"
    assert made["logger"] == OWN.name
    assert {name: made[name] for name in made if name.startswith("field_")} == {
        "field_level": 3,
        "field_error": "e",
        "field_timestamp": 1,
        "field_logger": 1,
        "field_traceback": 1,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (12, 12),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("ü", "ü"),
        ("\ud800x", "\ufffdx"),
        (Source.AUTHSESSION, "authsession"),
        (datetime(2026, 1, 2, 3, 4, 5, 6789, UTC), "2026-01-02T03:04:05.006Z"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:00:00.000Z"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(minutes=-5), "-5m"),
        (timedelta(microseconds=600), "1ms"),
        (timedelta(0), "0s"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("/a/b"), "/a/b"),
        ((1, "a", None), [1, "a", None]),
        ({"a": {1: [2]}}, {"a": {"1": [2]}}),
        (b"secret", "<bytes>"),
        (ValueError("secret"), "<ValueError>"),
        ([object()], ["<object>"]),
        ("x" * 10_000, "x" * 8192 + "…"),
        (list(range(200)), list(range(100))),
        ([[[[[1]]]]], [[[["…"]]]]),
    ],
)
def test_what_a_value_becomes(value, expected):
    assert plain(value) == expected
    assert json.loads(json_line({"value": value}))["value"] == expected


def test_a_thing_that_holds_itself_ends():
    ring: list[object] = []
    ring.append(ring)
    assert plain(ring) == [[[["…"]]]]


@pytest.mark.parametrize("writer", [json_line, console_line])
@given(text=st.text(st.characters(codec=None)))
def test_nothing_breaks_a_line_or_drives_a_terminal(writer, text):
    dangerous = "".join(DANGEROUS)
    written = writer(
        {
            "timestamp": 1.0,
            "level": "info",
            "logger": text + dangerous,
            "message": dangerous + text,
            "process": "web",
            "field" + dangerous: [text, {dangerous: dangerous}],
            "plain": dangerous,
        }
    )
    assert not any(found in written for found in DANGEROUS)
    assert len(written.splitlines()) == 1
    written.encode()  # no half of a character is left


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_json_keeps_every_character(text):
    assert json.loads(json_line({"field": text, "message": text})) == {
        "field": text,
        "message": text,
    }


def test_people_get_the_same_fields(configure, stderr):
    configure(log_format=LogFormat.CONSOLE)
    OWN.warning(
        "retry scheduled\x1b[31m", extra={"delivery_id": "d-1", "why": "no answer", "tried": [1]}
    )
    time, rest = stderr.getvalue().split(" ", 1)
    assert datetime.fromisoformat(time).tzinfo is not None
    assert rest == (
        "warning consumer deliveries.intake.consumer retry scheduled\\u001b[31m"
        ' delivery_id=d-1 why="no answer" tried=[1]\n'
    )


def fail_like_a_database() -> None:
    try:
        raise psycopg.errors.UniqueViolation(f"Key (k)=({SECRET}) already exists")
    except psycopg.Error as error:
        raise DatabaseError(str(error)) from error


@pytest.mark.parametrize("log_format", LogFormat)
def test_an_exception_shows_its_place_and_never_its_text(configure, stderr, log_format):
    configure(log_format=log_format)
    try:
        fail_like_a_database()
    except DatabaseError:
        OWN.exception("batch refused", stack_info=True)
    assert SECRET not in stderr.getvalue()
    assert "DatabaseError 23505" in stderr.getvalue()
    assert stderr.getvalue().count("\n") == 1


def test_an_exception_is_told_by_class_cause_and_frames(configure, stderr):
    configure()
    try:
        fail_like_a_database()
    except DatabaseError:
        OWN.exception("batch refused")
    made = line(stderr)
    assert made["error"] == "DatabaseError 23505"
    assert made["caused_by"] == ["UniqueViolation 23505"]
    here, there = made["traceback"]
    assert here.startswith(__name__)
    assert here.endswith("test_an_exception_is_told_by_class_cause_and_frames")
    assert there.endswith("fail_like_a_database")


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ConnectionRefusedError(111, SECRET), "ConnectionRefusedError ECONNREFUSED"),
        (OSError(9999, SECRET), "OSError 9999"),
        (OSError(SECRET), "OSError"),
        (ValueError(SECRET), "ValueError"),
    ],
)
def test_the_name_of_an_error(configure, stderr, error, name):
    configure()
    OWN.error("x", exc_info=error)
    assert line(stderr)["error"] == name
    assert "caused_by" not in line(stderr)
    assert SECRET not in stderr.getvalue()


def test_a_context_counts_unless_it_is_suppressed(configure, stderr):
    configure()
    error = ValueError()
    error.__context__ = KeyError(SECRET)
    OWN.error("x", exc_info=error)
    error.__suppress_context__ = True
    OWN.error("x", exc_info=error)
    first, second = lines(stderr)
    assert first["caused_by"] == ["KeyError"]
    assert "caused_by" not in second


def test_causes_that_run_in_a_ring_end(configure, stderr):
    configure()
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    OWN.error("x", exc_info=one)
    assert line(stderr)["caused_by"] == ["KeyError", "ValueError"]


def test_a_deep_stack_keeps_its_innermost_frames(configure, stderr):
    def descend(depth: int) -> None:
        if depth == 0:
            raise ValueError
        descend(depth - 1)

    configure()
    try:
        descend(100)
    except ValueError:
        OWN.exception("x")
    assert len(line(stderr)["traceback"]) == 40


@pytest.mark.parametrize(
    ("level", "own", "library"),
    [
        (LogLevel.DEBUG, "debug info warning error", "info warning error"),
        (LogLevel.INFO, "info warning error", "info warning error"),
        (LogLevel.WARNING, "warning error", "warning error"),
        (LogLevel.ERROR, "error", "error"),
    ],
)
def test_levels(configure, stderr, level, own, library):
    configure(level)
    for logger in (OWN, LIBRARY):
        for name in LogLevel:
            getattr(logger, name)("x")
    told = [(made["logger"], made["level"]) for made in lines(stderr)]
    assert " ".join(name for logger, name in told if logger == OWN.name) == own
    assert " ".join(name for logger, name in told if logger == LIBRARY.name) == library


def test_warnings_of_python_are_records(configure, stderr):
    configure()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert line(stderr)["logger"] == "py.warnings"
    assert "DeprecationWarning: old" in line(stderr)["message"]


def test_a_second_call_replaces_the_first(configure, stderr):
    configure()
    configure()
    OWN.info("once")
    assert line(stderr)["message"] == "once"


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("arguments", [("%d", SECRET), ("%s %s", SECRET), ("%s", Unspeakable())])
def test_a_record_that_cannot_be_written_says_so_without_its_values(configure, stderr, arguments):
    configure()
    OWN.info(*arguments)
    made = line(stderr)
    assert made["message"] == "log record could not be written"
    assert made["logger"] == OWN.name
    assert made["at"].startswith("test_logs:")
    assert SECRET not in stderr.getvalue()


def test_a_lost_stderr_stops_nobody(configure, stderr, capfd):
    configure()
    stderr.close()
    OWN.info("x")
    # neither an error nor logging's own report of one, which would quote the record
    assert capfd.readouterr() == ("", "")


IDS = {"otel_trace_id": "0a" * 16, "otel_span_id": "0b" * 8}


@pytest.mark.parametrize("log_format", LogFormat)
def test_a_line_has_the_ids_of_the_span_that_is_active(configure, stderr, log_format):
    configure(log_format=log_format)
    with active(lambda: IDS):
        OWN.info("within")
    OWN.info("without")
    within, without = stderr.getvalue().splitlines()
    assert all(value in within for value in IDS.values())
    assert "otel_" not in without


def test_ids_that_a_record_brings_itself_come_first(configure, stderr):
    configure()
    with active(lambda: IDS):
        OWN.info("of another span", extra={"otel_span_id": "0c" * 8})
    assert line(stderr)["otel_span_id"] == "0c" * 8
    assert line(stderr)["otel_trace_id"] == IDS["otel_trace_id"]
