"""The stream as it is configured, and what an operator is told of a fault of Redis."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from django_redis import get_redis_connection

from deliveries.conf import Config
from deliveries.database import describe
from deliveries.intake.publishing import StreamAwayError
from deliveries.intake.stream import CommandStream


def open_stream(config: Config, *, name: str | None = None) -> CommandStream:
    """The configured stream, or another one of this Redis. Nothing is asked of Redis yet."""
    return CommandStream(
        get_redis_connection("default"),
        name=name or config.redis_command_stream,
        offset_key=config.redis_offset_key,
        max_payload_bytes=config.max_payload_bytes,
    )


@contextmanager
def answering(config: Config) -> Iterator[None]:
    """Turns a fault of Redis into StreamAwayError."""
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise StreamAwayError(redis_fault(config, error)) from None


def redis_fault(config: Config, error: redis.RedisError | OSError) -> str:
    """Whether Redis is away or answers and refuses, and where to look. Holds no value."""
    name = f"Redis at {config.redis_master_addr}"
    if isinstance(error, redis.ResponseError):
        return (
            f"{name} answers and refuses what it is asked ({describe(error)}):"
            " see MAIL_REDIS_DB (such as 0), the rights of MAIL_REDIS_USERNAME, and what its keys"
            " MAIL_REDIS_COMMAND_STREAM and MAIL_REDIS_OFFSET_KEY hold"
        )
    return (
        f"{name} does not answer ({describe(error)}):"
        " see MAIL_REDIS_MASTER_ADDR and MAIL_REDIS_PASSWORD"
    )
