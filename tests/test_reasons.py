"""Why a server cannot be talked to: told by known words, and by nothing that was said."""

import psycopg
import pytest
import redis
from django.db import OperationalError

from deliveries.database import describe
from tests.relay.scripted import closed_port


def failure_of(connect):
    with pytest.raises((psycopg.OperationalError, redis.RedisError)) as caught:
        connect()
    return caught.value


def test_nobody_listens():
    with closed_port() as port:
        dsn = f"postgresql://hush:hush@127.0.0.1:{port}/hush"
        assert describe(failure_of(lambda: psycopg.connect(dsn))) == (
            "OperationalError: connection refused"
        )
        client = redis.Redis(port=port, password="hush")
        assert describe(failure_of(client.ping)) == "ConnectionError: connection refused"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('FATAL:  password authentication failed for user "hush"', "the password is refused"),
        ('could not translate host name "hush" to address', "its name is not known"),
        ("FATAL:  sorry, too many clients already", "no session is free"),
        ("FATAL:  the database system is starting up", "it is starting up"),
        ('FATAL:  database "hush" does not exist', "no such database or role"),
        ("server does not support SSL, but SSL was required", "no TLS"),
        ("SSL error: certificate verify failed", "its certificate cannot be verified"),
        ("server closed the connection unexpectedly", "the connection was closed"),
        ("connection timeout expired", "no answer in time"),
    ],
)
def test_what_servers_say(said, told):
    assert describe(OperationalError(said)) == f"OperationalError: {told}"


def test_what_nobody_knows_is_not_told():
    assert describe(OperationalError("hush")) == "OperationalError"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("WRONGTYPE Operation against a key holding the wrong kind of value", ": WRONGTYPE"),
        ("MISCONF Errors writing to the AOF file", ": MISCONF"),
        ("DB index is out of range", ": it has no such database"),
        ("Invalid stream ID specified as stream command argument", ""),
        ("HUSH", ""),
    ],
)
def test_what_redis_refuses(said, told):
    assert describe(redis.ResponseError(said)) == f"ResponseError{told}"


def test_an_error_that_is_not_of_a_link_is_its_class_alone():
    assert describe(ValueError("connection refused")) == "ValueError"
