"""One sender thread's work: build the message, send it, decide what becomes of the delivery."""

import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from deliveries import crash
from deliveries.attempt.content import payload_of
from deliveries.attempt.inbox import Claimed
from deliveries.attempt.measuring import Measurement, Timeline
from deliveries.attempt.message.writer import needs_smtputf8, write_message
from deliveries.attempt.smtp.envelope import Envelope
from deliveries.attempt.smtp.guard import Guard
from deliveries.crash import Point
from deliveries.outcome.report import Event, RecipientReply, Reply, Report
from deliveries.outcome.verdict import Policy, Standing, broken, decide, lost
from deliveries.payload import Mailbox, Payload
from deliveries.states import Phase, Source
from deliveries.transitions.records import Completion
from deliveries.watchdog import Allow

logger = logging.getLogger(__name__)

_MOST_TRANSACTIONS = 10
_UNWRITABLE = "the message cannot be written"
_STUB_REPLY = Reply(code=250, enhanced="2.0.0", text="accepted by the stub")


class Provider(Protocol):
    """What takes a message: the relay's client, or the stub. Times are monotonic.

    `timeline` holds the phases of the last send, each with its start (Unix ns).
    """

    @property
    def timeline(self) -> Timeline: ...

    def deadline(self) -> float: ...

    def send(
        self, *, envelope: Envelope, message: bytes, guard: Guard, deadline: float
    ) -> Report: ...

    def abort(self) -> None: ...

    def give_up(self) -> None: ...

    def close(self) -> None: ...


class Stub:
    """Takes everything and sends nothing."""

    timeline: Timeline = ()

    def deadline(self) -> float:
        return float("inf")

    def send(
        self,
        *,
        envelope: Envelope,
        message: bytes,  # noqa: ARG002 - it goes nowhere
        guard: Guard,
        deadline: float,  # noqa: ARG002 - nothing is waited for
    ) -> Report:
        if not guard.may_begin():
            return Report(Event.GIVEN_BACK, Phase.MAIL)
        recipients = tuple(RecipientReply(a, _STUB_REPLY) for a in envelope.recipients)
        return Report(Event.REPLY, Phase.FINAL, _STUB_REPLY, recipients)

    def abort(self) -> None:
        """Nothing is ever under way."""

    give_up = close = abort


class LeaseView(Protocol):
    """What a sender asks of its process's lease."""

    def held_since(self, moment: float) -> bool: ...


@dataclass(slots=True)
class Permit:
    """The guard of one attempt: its delivery's expiry, its process's lease, the shutdown.

    The lease must have been held since the attempt was claimed, at `claimed_at`; soon after
    `good_until` the attempt is recovered from whoever has it. `expired` says that the expiry kept
    it from starting, `finishing` that a final dot may have been written.
    """

    lease: LeaseView
    claimed_at: float
    good_until: float
    expires_at: float | None
    stopping: Any = field(repr=False)  # a threading.Event
    expired: bool = False
    finishing: bool = False

    def may_begin(self) -> bool:
        if self.expires_at is not None and time.monotonic() >= self.expires_at:
            self.expired = True
            return False
        return not self.stopping.is_set() and self._is_ours()

    def may_finish(self) -> bool:
        if not self._is_ours():
            return False
        self.finishing = True
        crash.here(Point.ATTEMPT_FINISHING)
        return True

    def _is_ours(self) -> bool:
        return time.monotonic() < self.good_until and self.lease.held_since(self.claimed_at)


@dataclass(frozen=True, slots=True)
class Expired:
    """The delivery's time ran out before MAIL."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The attempt did not start, or was cut short before the final dot."""


Ending = Completion | Expired | GivenBack


class Sender:
    """Sends claimed attempts through one provider. Used by one thread."""

    def __init__(
        self,
        *,
        provider: Provider,
        identity: Mailbox,
        policy: Policy,
        lease: LeaseView,
        stopping: Any,
        longest: float = float("inf"),
        allow: Allow = nullcontext,
    ) -> None:
        """`longest`, in s, is how old an attempt may be when its final dot is written: less than
        recovery waits. `allow` watches over each transaction.
        """
        self.provider = provider
        self._permit: Permit | None = None
        self._longest = longest
        self._allow = allow
        self._identity = identity
        self._policy = policy
        self._lease = lease
        self._stopping = stopping

    def send(self, claimed: Claimed) -> Ending:
        """One attempt, and what telemetry is told of it."""
        self._measured = measured = Measurement(claimed.row)
        with measured.logged():
            ending = self._send(claimed)
        measured.ended(ending.attempt if isinstance(ending, Completion) else None)
        return ending

    def broken(self, claimed: Claimed) -> Completion:
        """The completion of an attempt that a defect of ours broke: one more rung.

        Its outcome is unknown if the relay may have the mail.
        """
        row = claimed.row
        left = None if row.recipients_left is None else tuple(row.recipients_left)
        judge = lost if self.may_have_sent else broken
        return judge(standing=_standing(row), recipients_left=left, policy=self._policy)

    @property
    def may_have_sent(self) -> bool:
        """Whether a final dot of the last attempt may have been written."""
        return self._permit is not None and self._permit.finishing

    def _send(self, claimed: Claimed) -> Ending:
        """The first transaction, and more for those refused as too many."""
        row, self._permit = claimed.row, None
        permit = self._permit = Permit(
            lease=self._lease,
            claimed_at=claimed.at,
            good_until=claimed.at + self._longest,
            expires_at=None if row.expires_in is None else claimed.at + row.expires_in,
            stopping=self._stopping,
        )
        if not permit.may_begin():
            return Expired() if permit.expired else GivenBack()
        crash.here(Point.ATTEMPT_BEGUN)
        payload = payload_of(row)
        recipients = tuple(row.recipients_left or payload.recipients)
        reports = self._attempt(claimed, payload, recipients, permit)
        if not reports:
            return Expired() if permit.expired else GivenBack()
        return decide(
            reports=reports,
            recipients=recipients,
            standing=_standing(row),
            policy=self._policy,
        )

    def _attempt(
        self, claimed: Claimed, payload: Payload, recipients: Sequence[str], permit: Permit
    ) -> list[Report]:
        try:
            message = write_message(
                payload=payload,
                sender=self._identity,
                message_id=claimed.row.message_id,
                date=datetime.now(UTC),
            )
        except ValueError:
            # Intake should have refused it. It must neither wait for ever nor end unseen: it goes
            # up the ladder like what the relay cannot understand, and a fixed writer may help it.
            logger.exception(
                "message cannot be written", extra={"delivery_id": claimed.row.delivery_id}
            )
            return [Report(Event.PROTOCOL_ERROR, Phase.MAIL, detail=_UNWRITABLE)]
        smtputf8 = needs_smtputf8(payload, self._identity)
        return self._transactions(recipients, message, permit, smtputf8=smtputf8)

    def _transactions(
        self, recipients: Sequence[str], message: bytes, permit: Permit, *, smtputf8: bool
    ) -> list[Report]:
        """The reports of an attempt; empty when nothing of it counts.

        One deadline holds for all its transactions. Recipients for whom no time is left wait for
        the next attempt, as those do who were refused for now.
        """
        reports: list[Report] = []
        left = recipients
        deadline = self.provider.deadline()
        while left and len(reports) < _MOST_TRANSACTIONS:
            with self._allow():
                report = self.provider.send(
                    envelope=Envelope(self._identity.address, left, smtputf8=smtputf8),
                    message=message,
                    guard=permit,
                    deadline=deadline,
                )
            self._measured.note(self.provider.timeline)
            crash.here(Point.ATTEMPT_ANSWERED)
            if report.event is Event.GIVEN_BACK:
                break
            reports.append(report)
            left = self._too_many(report) if time.monotonic() < deadline else ()
        return reports

    def _too_many(self, report: Report) -> list[str]:
        """Who was refused only for the number of recipients (RFC 5321 section 4.5.3.1.10)."""
        accepted = report.event is Event.REPLY and report.phase is Phase.FINAL
        if not accepted or report.reply is None or report.reply.code // 100 != 2:
            return []
        tried_at_once = self._policy.classifier.is_tried_at_once
        return [r.address for r in report.recipients if r.reply and tried_at_once(r.reply)]


def _standing(row: Any) -> Standing:
    return Standing(
        attempt_no=row.attempt_no,
        accepted=row.recipients_accepted,
        refused=tuple(row.recipients_refused or ()),
        is_secret=row.source == Source.AUTHSESSION,
        login_code=row.login_code or "",
    )
