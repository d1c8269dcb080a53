"""Values that are right alone and wrong together."""

import pytest

from tests.conf.environment import lines_with, problems_with

TOKENS = "auth:submit=0123456789abcdef"
OPEN = {"MAIL_INTERNAL_HTTP_ADDR": "0.0.0.0:8080"}
ACCOUNT = {"MAIL_SMTP_USERNAME": "u", "MAIL_SMTP_PASSWORD": "p"}
CLEAR = {"MAIL_SMTP_TLS": "none"}

WRONG = [
    (
        {"MAIL_SMTP_ADDR": None},
        "MAIL_SMTP_ADDR is not set, and MAIL_SMTP_MODE=smtp needs it."
        " Example: MAIL_SMTP_ADDR=smtp.example.com:587",
    ),
    (
        {"MAIL_SMTP_FROM_EMAIL": ""},
        "MAIL_SMTP_FROM_EMAIL is not set, and MAIL_SMTP_MODE=smtp needs it."
        " Example: MAIL_SMTP_FROM_EMAIL=no-reply@example.com",
    ),
    (
        {"MAIL_SMTP_USERNAME": "u"},
        "MAIL_SMTP_PASSWORD is not set, but MAIL_SMTP_USERNAME is: set both or neither."
        " Example: MAIL_SMTP_PASSWORD=PASSWORD",
    ),
    (
        {"MAIL_SMTP_PASSWORD": "p"},
        "MAIL_SMTP_USERNAME is not set, but MAIL_SMTP_PASSWORD is: set both or neither."
        " Example: MAIL_SMTP_USERNAME=mailservice",
    ),
    (
        CLEAR | ACCOUNT,
        "MAIL_SMTP_TLS is none, which would send MAIL_SMTP_PASSWORD in the clear to another host."
        " Example: MAIL_SMTP_TLS=starttls",
    ),
    (
        OPEN,
        "MAIL_INTERNAL_API_TOKENS is not set, but MAIL_INTERNAL_HTTP_ADDR can be reached from other"
        " hosts: set tokens, or MAIL_INTERNAL_HTTP_TRUSTED=true if the network is trusted."
        " Example: MAIL_INTERNAL_API_TOKENS=auth:submit=$(openssl rand -hex 24)",
    ),
    (
        {"MAIL_IDEMPOTENCY_TTL": "31d"},
        "MAIL_IDEMPOTENCY_TTL is longer than MAIL_DELIVERY_RETENTION."
        " Example: MAIL_IDEMPOTENCY_TTL=30d",
    ),
    (
        {"MAIL_DELIVERY_RETENTION": "36h", "MAIL_PAYLOAD_RETENTION": "1d"},
        "MAIL_IDEMPOTENCY_TTL is longer than MAIL_DELIVERY_RETENTION."
        " Example: MAIL_IDEMPOTENCY_TTL=36h",
    ),
    (
        {"MAIL_PAYLOAD_RETENTION": "31d"},
        "MAIL_PAYLOAD_RETENTION is longer than MAIL_DELIVERY_RETENTION."
        " Example: MAIL_PAYLOAD_RETENTION=30d",
    ),
    (
        {"MAIL_DELIVERY_RETENTION": "1d", "MAIL_IDEMPOTENCY_TTL": "1d"},
        "MAIL_PAYLOAD_RETENTION is longer than MAIL_DELIVERY_RETENTION."
        " Example: MAIL_PAYLOAD_RETENTION=1d",
    ),
    (
        {"MAIL_WORKER_LEASE": "3s", "MAIL_SCHEDULER_POLL_INTERVAL": "1001ms"},
        "MAIL_SCHEDULER_POLL_INTERVAL is longer than a third of MAIL_WORKER_LEASE, its renewal."
        " Example: MAIL_SCHEDULER_POLL_INTERVAL=250ms",
    ),
    (
        {"MAIL_REDIS_COMMAND_STREAM": "k", "MAIL_REDIS_OFFSET_KEY": "k"},
        "MAIL_REDIS_OFFSET_KEY is the same key as MAIL_REDIS_COMMAND_STREAM."
        " Example: MAIL_REDIS_OFFSET_KEY=mail:stream_offsets:delivery_commands",
    ),
    (
        {"MAIL_REDIS_COMMAND_STREAM": "mail:stream_offsets:delivery_commands"},
        "MAIL_REDIS_OFFSET_KEY is the same key as MAIL_REDIS_COMMAND_STREAM."
        " Example: MAIL_REDIS_OFFSET_KEY=mail:stream_offset",
    ),
]

RIGHT = [
    {"MAIL_SMTP_MODE": "stub", "MAIL_SMTP_ADDR": None, "MAIL_SMTP_FROM_EMAIL": None},
    ACCOUNT,
    CLEAR,
    CLEAR | ACCOUNT | {"MAIL_SMTP_ADDR": "127.0.0.1:25"},
    CLEAR | ACCOUNT | {"MAIL_SMTP_ADDR": "[::1]:25"},
    ACCOUNT | {"MAIL_SMTP_TLS": "tls"},
    OPEN | {"MAIL_INTERNAL_API_TOKENS": TOKENS},
    OPEN | {"MAIL_INTERNAL_HTTP_TRUSTED": "true"},
    {"MAIL_INTERNAL_HTTP_ADDR": "[::1]:8080"},
    {"MAIL_IDEMPOTENCY_TTL": "30d", "MAIL_PAYLOAD_RETENTION": "30d"},
    {"MAIL_WORKER_LEASE": "3s", "MAIL_SCHEDULER_POLL_INTERVAL": "1s"},
]


@pytest.mark.parametrize(("changes", "line"), WRONG)
def test_what_does_not_go_together(changes, line):
    assert lines_with(changes) == [line]


@pytest.mark.parametrize("changes", [changes for changes, _ in WRONG])
def test_the_example_mends_it(changes):
    (problem,) = problems_with(changes)
    for_a_shell = "$(" in problem.example
    mended = changes | {problem.variable: TOKENS if for_a_shell else problem.example}
    assert problem.variable not in [left.variable for left in problems_with(mended)]


@pytest.mark.parametrize("changes", RIGHT)
def test_what_goes_together(changes):
    assert lines_with(changes) == []


def test_nothing_is_said_of_what_could_not_be_read():
    problems = problems_with({"MAIL_DELIVERY_RETENTION": "x", "MAIL_IDEMPOTENCY_TTL": "3650d"})
    assert [problem.variable for problem in problems] == ["MAIL_DELIVERY_RETENTION"]


def test_all_problems_are_told_at_once():
    every_change = {
        "MAIL_SECRET_KEY": None,
        "MAIL_REDIS_MASTER_ADDR": "x",
        "MAIL_POSTGRES_PRIMARY_DSN": "x",
        "MAIL_SMTP_MODE": "smtp",
        "MAIL_SMTP_ADDR": None,
        "MAIL_SMTP_TIMEOUT": "30",
        "MAIL_SMTP_USERNAME": "u",
        "MAIL_RETRY_LADDER": "x",
        "MAIL_IDEMPOTENCY_TTL": "31d",
    }
    problems = problems_with(every_change)
    assert [problem.variable for problem in problems] == [
        "MAIL_SECRET_KEY",
        "MAIL_REDIS_MASTER_ADDR",
        "MAIL_POSTGRES_PRIMARY_DSN",
        "MAIL_SMTP_TIMEOUT",
        "MAIL_RETRY_LADDER",
        "MAIL_SMTP_ADDR",
        "MAIL_SMTP_PASSWORD",
        "MAIL_IDEMPOTENCY_TTL",
    ]
    assert len("\n".join(map(str, problems)).splitlines()) == len(problems)
