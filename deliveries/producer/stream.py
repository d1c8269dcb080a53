"""Putting commands on the Redis Stream."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deliveries.producer.entry import DEFAULT_MAX_PAYLOAD_BYTES, entry_fields
from deliveries.producer.errors import StreamRefusedError, UnconfirmedError
from deliveries.producer.mail import Mail
from deliveries.producer.patience import Patience, Tries
from deliveries.producer.trace import TraceContext

DEFAULT_STREAM = "mail:delivery_commands"

# Redis is away, starting, failing over or cut off: another try may get through.
_PASSING = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.TryAgainError,
    OSError,
)
# These are ConnectionErrors to redis-py, and will not pass.
_LASTING = (redis.AuthenticationError, redis.exceptions.AuthorizationError)
_REPLY_CODE = re.compile(r"[A-Z]{2,20}\b")


@dataclass(frozen=True, slots=True)
class Published:
    """An entry that Redis has confirmed."""

    stream: str
    entry_id: str
    delivery_id: str


class CommandPublisher:
    """Puts commands on one stream. May be shared by threads, as the client may.

    An XADD whose answer is lost is sent again, here and by redis-py's own retries where the client
    has them, and may so be on the stream twice. That is harmless: all its entries carry the same
    idempotency key, and the service makes one delivery of them.
    """

    def __init__(
        self,
        client: "redis.Redis",
        *,
        stream: str = DEFAULT_STREAM,
        patience: Patience | None = None,
        max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES,
    ) -> None:
        """`client` brings its own socket timeouts: without any, a try can take for ever."""
        self._client = client
        self._stream = stream
        self._patience = patience or Patience()
        self._max_payload_bytes = max_payload_bytes

    @classmethod
    def connect(cls, url: str, *, patience: Patience | None = None, **options: Any) -> Self:
        """Of a URL, `rediss://user:password@host:6379/0`, with timeouts as `patience` has them.

        Connects when it is first used. Within a try `each` bounds every single wait, so one that
        has to connect may take longer. `options` are the constructor's. Raises ValueError for what
        is not such a URL.
        """
        patience = patience or Patience()
        try:
            client = redis.Redis.from_url(
                url,
                socket_timeout=patience.each,
                socket_connect_timeout=patience.each,
                retry=Retry(NoBackoff(), 0),  # the tries are counted in one place, here
            )
        except (ValueError, TypeError):
            raise ValueError("the URL of Redis cannot be read") from None
        return cls(client, patience=patience, **options)

    def publish(
        self,
        mail: Mail,
        *,
        idempotency_key: str,
        delivery_id: str | None = None,
        request_id: str | None = None,
        trace: TraceContext | None = None,
    ) -> Published:
        """Put one mail on the stream; it is there when this returns.

        The key names the event that the mail is about, such as `order:4711:shipped`, and is the
        same whenever this mail is published again: so it is sent once, however often the caller
        repeats itself. Without a `delivery_id` the delivery gets one that is derived from the key.

        Raises InvalidCommandError, StreamRefusedError, or UnconfirmedError, after which publishing
        again under the same key is safe.
        """
        return self.add(
            entry_fields(
                mail,
                idempotency_key=idempotency_key,
                delivery_id=delivery_id,
                request_id=request_id,
                trace=trace,
                max_payload_bytes=self._max_payload_bytes,
            )
        )

    def add(self, fields: Mapping[str, bytes]) -> Published:
        """Put an entry on the stream as it is. Raises StreamRefusedError and UnconfirmedError.

        Names are encoded as UTF-8, an unpaired surrogate too.
        """
        raw = {name.encode("utf-8", "surrogatepass"): value for name, value in fields.items()}
        entry_id = self._xadd(raw)
        return Published(
            stream=self._stream,
            entry_id=entry_id,
            delivery_id=fields.get("delivery_id", b"").decode("utf-8", "replace"),
        )

    def close(self) -> None:
        self._client.close()

    def _xadd(self, fields: dict[bytes, bytes]) -> str:
        tries = Tries(self._patience)
        while True:
            try:
                entry_id: Any = self._client.xadd(self._stream, dict(fields.items()))
            except _LASTING as error:
                raise StreamRefusedError(f"Redis refuses this client ({_named(error)})") from None
            except _PASSING as error:
                name = _named(error)
            except redis.RedisError as error:
                raise StreamRefusedError(f"Redis refuses the command ({_named(error)})") from None
            else:
                return entry_id.decode() if isinstance(entry_id, bytes) else str(entry_id)
            # a try cannot be cut short, so one that would no longer fit is not started
            if not tries.pause(reserve=self._patience.each):
                raise UnconfirmedError(f"Redis did not confirm the entry ({name})")


def _named(error: Exception) -> str:
    """The error's class and, of a reply, its leading code: the rest may repeat what was sent."""
    code = _REPLY_CODE.match(str(error))
    return f"{type(error).__name__}{f' {code[0]}' if code else ''}"
