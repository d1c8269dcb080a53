"""An operator asks to send again what has ended: from the request to the new deliveries.

answers = resend_deliveries(config=config, asked=[Asked(delivery_id="d-1", key="resend:d-1")])
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from deliveries.conf import Config
from deliveries.database import atomic
from deliveries.intake.fingerprint import canonical, fingerprint
from deliveries.intake.message_id import new_message_id
from deliveries.transitions.resend import Resend, Resent, resend

_MODE = "resend"
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One delivery to send again. `key` makes a repetition of the request harmless.

    `everyone` addresses all recipients also of a delivery that was sent; `expires_at` None keeps
    the delivery's own.
    """

    delivery_id: str
    key: str = field(repr=False)
    everyone: bool = False
    expires_at: datetime | None = None
    request_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def canonical(self) -> bytes:
        expires_at = None if self.expires_at is None else self.expires_at.isoformat()
        return canonical(
            {
                "delivery_id": self.delivery_id,
                "everyone": self.everyone,
                "expires_at": expires_at,
            }
        )


def resend_deliveries(*, config: Config, asked: Sequence[Asked]) -> list[Resent]:
    """One answer for each that was asked for, in their order. Keys must be unique.

    Each batch is a transaction of its own: what is answered is written.
    """
    answers: list[Resent] = []
    for start in range(0, len(asked), _BATCH):
        requests = [_request(config, ask) for ask in asked[start : start + _BATCH]]
        with atomic():
            answers += resend(requests=requests, idempotency_ttl=config.idempotency_ttl)
    return answers


def _request(config: Config, ask: Asked) -> Resend:
    current, *older = (
        fingerprint(key=key, mode=_MODE, canonical=ask.canonical) for key in config.secret_keys
    )
    return Resend(
        parent_id=ask.delivery_id,
        delivery_id=f"resend-{uuid.uuid4()}",
        idempotency_key=ask.key,
        fingerprint=current,
        older_fingerprints=tuple(older),
        message_id=new_message_id(config.smtp_from_email),
        everyone=ask.everyone,
        expires_at=ask.expires_at,
        request_id=ask.request_id,
        traceparent=ask.traceparent,
        tracestate=ask.tracestate,
    )
