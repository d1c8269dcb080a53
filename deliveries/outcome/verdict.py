"""From the reports of one attempt to its record and the fate of its delivery. Pure.

An attempt is one transaction, or several after "too many recipients". Each recipient's fate is
settled by the last transaction in which it was tried; the delivery's by the order of `_end`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from deliveries.conf import ReplyRule
from deliveries.outcome.classification import Classifier, Disposition, Judgement
from deliveries.outcome.ladder import rung_after
from deliveries.outcome.masking import mask_reply
from deliveries.outcome.report import RecipientReply, Reply, Report, cut
from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase
from deliveries.transitions.records import AttemptRecord, Completion

_BROKEN = "the attempt broke on a defect of this service"
_PERMANENT = frozenset({Disposition.REFUSED, Disposition.SUPPRESSED})


@dataclass(frozen=True, slots=True)
class Policy:
    """The configuration that decides what follows a failure. `markers` are lower case."""

    ladder: tuple[timedelta, ...]
    markers: tuple[str, ...]
    retries_unknown: bool
    rules: tuple[ReplyRule, ...] = ()

    @property
    def classifier(self) -> Classifier:
        return Classifier(self.markers, self.rules)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the delivery stood before the attempt: what earlier ones have settled.

    `is_secret` says that the relay's words go on record masked: they may repeat `login_code`.
    """

    attempt_no: int
    accepted: int = 0
    refused: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    is_secret: bool = False
    login_code: str = field(default="", repr=False)

    def kept(self, words: str | None) -> str | None:
        """What of the relay's words goes on record."""
        if words and self.is_secret:  # before it is cut: half a code would not be known
            words = mask_reply(words, login_code=self.login_code)
        return cut(words) if words else words


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one recipient, and the reply that decided it."""

    judgement: Judgement
    reply: Reply | None

    @property
    def disposition(self) -> Disposition:
        return self.judgement.disposition


def decide(
    *, reports: Sequence[Report], recipients: Sequence[str], standing: Standing, policy: Policy
) -> Completion:
    """The completion of an attempt that was made for `recipients` and reported `reports`."""
    classifier = policy.classifier
    fates = _settle(reports, recipients, classifier)
    unknown = any(report.final_dot_written for report in reports)
    attempt = _record(reports, fates, classifier, standing, unknown=unknown)
    accepted = standing.accepted + _count(fates, Disposition.ACCEPTED)
    refused = (*standing.refused, *_refusals(fates, standing))
    left = tuple(a for a, fate in fates.items() if fate.disposition is Disposition.DEFERRED)
    common: dict[str, Any] = {
        "attempt": attempt,
        "recipients_accepted": accepted,
        "recipients_refused": refused,
    }
    if not left:
        status, code = _end(accepted, refused, attempt)
        return Completion(status=status, failure_code=code, **common)
    common["recipients_left"] = left
    wait = rung_after(attempt_no=standing.attempt_no, ladder=policy.ladder)
    if unknown and not policy.retries_unknown:
        status, code = DeliveryStatus.FAILED, FailureCode.OUTCOME_UNKNOWN
    elif wait is None:
        status, code = DeliveryStatus.DEAD_LETTER, attempt.failure_code
    else:
        return Completion(
            status=None,
            failure_code=attempt.failure_code,
            retry_after=wait,
            at_expiry=DeliveryStatus.SENT if accepted else DeliveryStatus.FAILED,
            **common,
        )
    if accepted:
        status, code = DeliveryStatus.SENT, None
    return Completion(status=status, failure_code=code, **common)


def lost(
    *, standing: Standing, recipients_left: tuple[str, ...] | None, policy: Policy
) -> Completion:
    """The completion of an attempt whose worker was lost: nobody knows how far it came."""
    attempt = AttemptRecord(
        status=AttemptStatus.TIMED_OUT,
        phase=None,
        failure_code=FailureCode.WORKER_LOST,
        outcome_unknown=True,
    )
    return _unanswered(attempt, standing, recipients_left, policy)


def broken(
    *, standing: Standing, recipients_left: tuple[str, ...] | None, policy: Policy
) -> Completion:
    """The completion of an attempt that a defect of ours broke before the relay could have it."""
    attempt = AttemptRecord(
        status=AttemptStatus.TRANSPORT_FAILED,
        phase=None,
        failure_code=FailureCode.PROTOCOL_ERROR,
        summary=_BROKEN,
    )
    return _unanswered(attempt, standing, recipients_left, policy)


def _unanswered(
    attempt: AttemptRecord,
    standing: Standing,
    recipients_left: tuple[str, ...] | None,
    policy: Policy,
) -> Completion:
    """Everyone who was to be tried is to be tried again, while there is a rung."""
    wait = rung_after(attempt_no=standing.attempt_no, ladder=policy.ladder)
    ending: DeliveryStatus | None = None
    code = attempt.failure_code
    if attempt.outcome_unknown and not policy.retries_unknown:
        ending, code, wait = DeliveryStatus.FAILED, FailureCode.OUTCOME_UNKNOWN, None
    elif wait is None:
        ending = DeliveryStatus.DEAD_LETTER
    if ending is not None and standing.accepted:
        ending, code = DeliveryStatus.SENT, None
    return Completion(
        attempt=attempt,
        status=ending,
        failure_code=code,
        retry_after=wait,
        at_expiry=DeliveryStatus.SENT if standing.accepted else DeliveryStatus.FAILED,
        recipients_accepted=standing.accepted,
        recipients_left=recipients_left,
        recipients_refused=standing.refused,
    )


def _settle(
    reports: Sequence[Report], recipients: Sequence[str], classifier: Classifier
) -> dict[str, Fate]:
    """Each recipient's fate. Who was never asked shares the fate of the last transaction."""
    last = reports[-1]
    whole = Fate(classifier.judge(last), last.reply)
    fates = dict.fromkeys(recipients, whole)
    for report in reports:
        shared = Fate(classifier.judge(report), report.reply)
        for asked in report.recipients:
            fates[asked.address] = _fate_of(asked, shared, classifier)
    return fates


def _fate_of(asked: RecipientReply, shared: Fate, classifier: Classifier) -> Fate:
    if asked.reply is None:
        return shared
    own = Fate(classifier.judge_reply(phase=Phase.RCPT, reply=asked.reply), asked.reply)
    return shared if own.disposition is Disposition.ACCEPTED else own


def _record(
    reports: Sequence[Report],
    fates: dict[str, Fate],
    classifier: Classifier,
    standing: Standing,
    *,
    unknown: bool,
) -> AttemptRecord:
    """The attempt's row: accepted if anyone was, else what keeps it waiting, else the refusal."""
    report = next((r for r in reports if _accepts(r, classifier)), reports[-1])
    judgement, reply = classifier.judge(report), report.reply
    if report.phase is Phase.RCPT and fates:
        worst = min(fates.values(), key=_precedence)
        judgement, reply = worst.judgement, worst.reply or reply
    return AttemptRecord(
        status=judgement.status,
        phase=report.phase,
        failure_code=judgement.failure_code,
        outcome_unknown=unknown,
        smtp_code=reply.code if reply else None,
        enhanced_code=reply.enhanced if reply else None,
        summary=standing.kept(reply.whole if reply else report.detail or None),
        recipients=tuple(
            {
                "address": address,
                "outcome": fate.disposition.value,
                "smtp_code": fate.reply.code if fate.reply else None,
            }
            for address, fate in fates.items()
        ),
    )


def _accepts(report: Report, classifier: Classifier) -> bool:
    accepted = classifier.judge(report).disposition is Disposition.ACCEPTED
    return accepted and report.phase is Phase.FINAL


def _precedence(fate: Fate) -> int:
    """Of several refusals the one that decides: what is tried again, then the plain refusal."""
    order = [Disposition.DEFERRED, Disposition.REFUSED, Disposition.SUPPRESSED]
    return order.index(fate.disposition) if fate.disposition in order else len(order)


def _count(fates: dict[str, Fate], disposition: Disposition) -> int:
    return sum(fate.disposition is disposition for fate in fates.values())


def _refusals(fates: dict[str, Fate], standing: Standing) -> list[dict[str, Any]]:
    return [
        {
            "address": address,
            "smtp_code": fate.reply.code if fate.reply else None,
            "summary": standing.kept(fate.reply.whole) if fate.reply else None,
            "suppressed": fate.disposition is Disposition.SUPPRESSED,
        }
        for address, fate in fates.items()
        if fate.disposition in _PERMANENT
    ]


def _end(
    accepted: int, refused: Sequence[dict[str, Any]], attempt: AttemptRecord
) -> tuple[DeliveryStatus, FailureCode | None]:
    """The end of a delivery with nobody left to try."""
    if accepted:
        return DeliveryStatus.SENT, None
    if refused and all(refusal["suppressed"] for refusal in refused):
        return DeliveryStatus.SUPPRESSED, FailureCode.SUPPRESSED_BY_PROVIDER
    code = attempt.failure_code
    plain = FailureCode.PERMANENT_REPLY
    return DeliveryStatus.FAILED, plain if code is FailureCode.SUPPRESSED_BY_PROVIDER else code
