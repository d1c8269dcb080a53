"""How Django's settings reach PostgreSQL and Redis."""

from datetime import timedelta
from typing import Any

from deliveries.conf.config import Config

SCHEMA = "mail"
_NAME = "mail-service"
_PREPARE_AFTER = 3  # executions of a statement on one connection
_SECOND = timedelta(seconds=1)

# What bounds a session, in ms. A process that freezes with a transaction open holds its locks and
# its snapshot no longer than the first of them.
_BOUNDS = {
    "idle_in_transaction_session_timeout": 4_000,
    "statement_timeout": 30_000,
    "lock_timeout": 5_000,
}
# When the server lets go of a client whose host is gone, in s. Without effect on a Unix socket.
_SERVER_KEEPALIVES = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}
# The client does the same; in s, but the user timeout in ms.
_CLIENT_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_CONNECT_TIMEOUT_SECONDS = 5

# How much longer than the longest XREAD wait a socket waits: with less, redis-py would give up a
# healthy connection, and the consumer would stall.
_SOCKET_MARGIN = 5 * _SECOND


def postgres_settings(conninfo: dict[str, str], *, bounded: bool = True) -> dict[str, Any]:
    """An entry of DATABASES for libpq keywords; migrations, which may take long, are not bounded.

    The search path holds schema `mail` alone, so no other is touched. The other keywords of the
    DSN win over the defaults here; its `options` come first, so the search path cannot be lost.
    """
    given = dict(conninfo)
    session = {"search_path": SCHEMA, "timezone": "UTC", **_SERVER_KEEPALIVES}
    if bounded:
        session |= _BOUNDS
    options = [given.pop("options", ""), *(f"-c {key}={value}" for key, value in session.items())]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": given.pop("dbname"),
        "USER": given.pop("user"),
        "PASSWORD": given.pop("password", ""),
        "HOST": given.pop("host", ""),
        "PORT": given.pop("port", ""),
        # one connection per thread for its life, checked before it is used again
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "application_name": _NAME,
            "prepare_threshold": _PREPARE_AFTER,
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            **_CLIENT_KEEPALIVES,
            **given,
            "options": " ".join(filter(None, options)),
        },
    }


def redis_settings(config: Config) -> dict[str, Any]:
    """An entry of CACHES through which `django_redis.get_redis_connection` gives a client.

    The client speaks bytes and repeats nothing by itself: a repeated XADD might add twice. The
    location holds no password, because it is what errors show.
    """
    scheme = "rediss" if config.redis_tls else "redis"
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"{scheme}://{config.redis_master_addr}/{config.redis_db}",
        "OPTIONS": {
            "USERNAME": config.redis_username,
            "PASSWORD": config.redis_password,
            "SOCKET_CONNECT_TIMEOUT": _CONNECT_TIMEOUT_SECONDS,
            "SOCKET_TIMEOUT": (config.stream_block_timeout + _SOCKET_MARGIN) / _SECOND,
            "CONNECTION_POOL_KWARGS": {
                "protocol": 2,  # no greeting to wait for, and one shape of XREAD's reply
                "socket_keepalive": True,
                "client_name": _NAME,
            },
        },
    }
