"""What is known already: living reservations, and deliveries that still exist."""

from collections.abc import Sequence
from dataclasses import dataclass

from deliveries.database import Statement
from deliveries.intake.command import Command
from deliveries.intake.fingerprint import matches
from deliveries.intake.rejection import Rejection, RejectionCode

LOOK_UP = Statement(
    name="intake.look_up",
    purpose="for each command of a batch, the fingerprints that its key and its id stand for",
    sql="""
SELECT i.place::integer - 1 AS place, r.fingerprint AS by_key, d.fingerprint AS by_id,
       k.delivery_id AS key_delivery_id,
       (k.status = 'suppressed' AND k.attempt_count = 0) IS TRUE AS key_suppressed
FROM unnest(%(source)b::text[], %(idempotency_key)b::text[], %(delivery_id)b::text[])
     WITH ORDINALITY AS i(source, idempotency_key, delivery_id, place)
LEFT JOIN idempotency_reservations AS r
  ON r.source = i.source AND r.idempotency_key = i.idempotency_key AND r.expires_at > now()
LEFT JOIN deliveries AS k ON k.id = r.delivery_pk
LEFT JOIN deliveries AS d ON d.delivery_id = i.delivery_id
ORDER BY place
""",
)


@dataclass(frozen=True, slots=True)
class Known:
    """What already exists under a command's key and id; None where nothing does."""

    by_key: bytes | None
    by_id: bytes | None
    key_delivery_id: str | None
    key_suppressed: bool = False  # at its acceptance, not by the relay

    def duplicates(self, command: Command, *, keys: Sequence[bytes]) -> str | None:
        """The delivery that the command repeats; None when it is new.

        Raises Rejection when its key or its id stands for something else. `keys` are the secret
        keys, current and rotated out.
        """
        if self.by_key is not None:
            if not _same(self.by_key, command, keys):
                raise Rejection(
                    RejectionCode.IDEMPOTENCY_CONFLICT,
                    "idempotency_key: was used for another payload",
                )
            return self.key_delivery_id
        if self.by_id is not None:
            if not _same(self.by_id, command, keys):
                raise Rejection(
                    RejectionCode.DELIVERY_ID_CONFLICT,
                    "delivery_id: belongs to a delivery of another payload",
                )
            return command.delivery_id
        return None


def look_up(commands: Sequence[Command]) -> list[Known]:
    if not commands:
        return []
    rows = LOOK_UP.fetch(
        source=[command.source for command in commands],
        idempotency_key=[command.idempotency_key for command in commands],
        delivery_id=[command.delivery_id for command in commands],
    )
    return [Known(row.by_key, row.by_id, row.key_delivery_id, row.key_suppressed) for row in rows]


def _same(stored: bytes, command: Command, keys: Sequence[bytes]) -> bool:
    return matches(stored=stored, keys=keys, mode=command.payload_mode, canonical=command.canonical)
