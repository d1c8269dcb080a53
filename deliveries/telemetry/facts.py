"""What the spans of one mail tell, as their attributes. Pure.

Ids, codes and counts: no addresses, no subjects, no texts of replies. What is None is left out.
"""

from dataclasses import dataclass

Value = str | int | bool
Attributes = dict[str, Value | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One command that was decided on. `outcome`: accepted, duplicate or rejected.

    `stream_entry_id` is None of one that came over HTTP, or from an operator.
    """

    delivery_id: str
    source: str
    payload_mode: str
    outcome: str
    stream_entry_id: str | None = None
    failure_code: str | None = None

    @property
    def attributes(self) -> Attributes:
        return {
            "mail.delivery_id": self.delivery_id,
            "mail.source": self.source,
            "mail.payload_mode": self.payload_mode,
            "mail.acceptance.outcome": self.outcome,
            "mail.failure_code": self.failure_code,
            "mail.stream_entry_id": self.stream_entry_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One attempt that is over. `status` None: it was given back and does not count."""

    delivery_id: str
    source: str
    attempt_no: int
    status: str | None = None
    phase: str | None = None
    failure_code: str | None = None
    smtp_code: int | None = None
    outcome_unknown: bool = False

    @property
    def attributes(self) -> Attributes:
        return {
            "mail.delivery_id": self.delivery_id,
            "mail.source": self.source,
            "mail.attempt_no": self.attempt_no,
            "mail.attempt.status": self.status or "given_back",
            "mail.attempt.phase": self.phase,
            "mail.failure_code": self.failure_code,
            "mail.smtp_code": self.smtp_code,
            "mail.outcome_unknown": self.outcome_unknown or None,
        }
