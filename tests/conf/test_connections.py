"""The sessions that Django's settings make, on real servers."""

import django_redis
import psycopg
import pytest
from django.db import connection

from deliveries.conf.connections import postgres_settings, redis_settings
from tests.conf.environment import load_with

DSN = "postgresql://m:pw@db:5433/mail?sslmode=require&connect_timeout=9&options=-cwork_mem%3D8MB"


def test_a_dsn_becomes_djangos_settings():
    config = load_with({"MAIL_POSTGRES_PRIMARY_DSN": DSN})
    made = postgres_settings(config.postgres_primary)
    shown = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
    assert [made[name] for name in shown] == ["mail", "m", "pw", "db", "5433"]
    assert made["OPTIONS"]["sslmode"] == "require"
    assert made["OPTIONS"]["connect_timeout"] == "9"
    assert made["OPTIONS"]["options"].startswith("-cwork_mem=8MB -c search_path=mail ")


def test_migrations_are_not_bounded():
    conninfo = load_with({}).postgres_primary
    assert "timeout" not in postgres_settings(conninfo, bounded=False)["OPTIONS"]["options"]
    assert "search_path=mail" in postgres_settings(conninfo, bounded=False)["OPTIONS"]["options"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("search_path", "mail"),
        ("idle_in_transaction_session_timeout", "4s"),
        ("statement_timeout", "30s"),
        ("lock_timeout", "5s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("application_name", "mail-service"),
        ("TimeZone", "UTC"),
    ],
)
def test_every_session_is_bounded(name, value):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        (found,) = cursor.fetchone()
    host = connection.settings_dict["HOST"]
    over_tcp = host != "" and not host.startswith("/")
    assert found == (value if over_tcp or not name.startswith("tcp_") else "0")


@pytest.mark.django_db(transaction=True)
def test_the_link_is_kept_alive_from_this_side_too():
    connection.ensure_connection()
    info: psycopg.ConnectionInfo = connection.connection.info
    parameters = info.get_parameters()
    assert parameters["keepalives_idle"] == "10"
    assert parameters["tcp_user_timeout"] == "15000"
    assert parameters["connect_timeout"] == "5"


def test_redis_speaks_bytes_and_repeats_nothing(redis_client, servers):
    client = django_redis.get_redis_connection("default")
    key = f"{servers.key_prefix}settings"
    client.set(key, b"\xff", ex=60)
    assert client.get(key) == b"\xff"
    link = client.connection_pool.get_connection()
    try:
        assert link.retry.get_retries() == 0
        assert link.protocol == 2
        assert link.socket_timeout == 7.0
        assert link.socket_connect_timeout == 5
    finally:
        client.connection_pool.release(link)


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({}, "redis://redis.internal:6379/0"),
        ({"MAIL_REDIS_TLS": "true", "MAIL_REDIS_DB": "3"}, "rediss://redis.internal:6379/3"),
        ({"MAIL_REDIS_MASTER_ADDR": "[::1]:6379"}, "redis://[::1]:6379/0"),
        ({"MAIL_REDIS_PASSWORD": "p@:/word"}, "redis://redis.internal:6379/0"),
    ],
)
def test_the_location_of_redis_holds_no_password(changes, location):
    assert redis_settings(load_with(changes))["LOCATION"] == location


@pytest.mark.parametrize("block", ["10ms", "2s", "30s"])
def test_a_socket_waits_longer_than_the_stream_blocks(block):
    config = load_with({"MAIL_STREAM_BLOCK_TIMEOUT": block})
    timeout = redis_settings(config)["OPTIONS"]["SOCKET_TIMEOUT"]
    assert timeout >= config.stream_block_timeout.total_seconds() + 5
