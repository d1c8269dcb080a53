"""An operator asks to send again what has ended: from the request to the new deliveries.

answers = resend_deliveries(config=config, asked=[Asked(delivery_id="d-1", key="resend:d-1")])
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from deliveries.conf import Config
from deliveries.database import atomic
from deliveries.intake.fingerprint import canonical, fingerprint
from deliveries.intake.message_id import new_message_id
from deliveries.states import Source
from deliveries.telemetry import metrics
from deliveries.telemetry.facts import Decision
from deliveries.telemetry.spans import record_acceptance, traceparent_of
from deliveries.transitions.resend import Resend, ResendOutcome, Resent, resend

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
        began = time.time_ns()
        requests = [_request(config, ask) for ask in asked[start : start + _BATCH]]
        with atomic():
            batch = resend(requests=requests, idempotency_ttl=config.idempotency_ttl)
        _measure(requests, batch, began)
        answers += batch
    return answers


def _measure(requests: Sequence[Resend], answers: Sequence[Resent], began: int) -> None:
    source = Source.OPERATOR_RESEND
    for request, answer in zip(requests, answers, strict=True):
        if answer.outcome is ResendOutcome.DUPLICATE:
            metrics.DUPLICATES.add(1, source=source)
        if answer.outcome is not ResendOutcome.ACCEPTED or answer.payload_mode is None:
            continue
        metrics.ACCEPTED.add(1, source=source, payload_mode=answer.payload_mode)
        record_acceptance(
            Decision(
                delivery_id=request.delivery_id,
                source=source,
                payload_mode=answer.payload_mode,
                outcome="accepted",
            ),
            traceparent=request.traceparent,
            tracestate=request.tracestate,
            began=began,
        )


def _request(config: Config, ask: Asked) -> Resend:
    current, *older = (
        fingerprint(key=key, mode=_MODE, canonical=ask.canonical) for key in config.secret_keys
    )
    delivery_id = f"resend-{uuid.uuid4()}"
    return Resend(
        parent_id=ask.delivery_id,
        delivery_id=delivery_id,
        idempotency_key=ask.key,
        fingerprint=current,
        older_fingerprints=tuple(older),
        message_id=new_message_id(config.smtp_from_email),
        everyone=ask.everyone,
        expires_at=ask.expires_at,
        request_id=ask.request_id,
        traceparent=traceparent_of(delivery_id=delivery_id, given=ask.traceparent),
        tracestate=ask.tracestate,
    )
