"""What a reply or an event means: for the attempt, and for the recipients it concerns. Pure.

The installation's own rules come first, then the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from deliveries.conf import ReplyRule, RuleOutcome
from deliveries.conf.reply_rules import NO_ENHANCED_CODE
from deliveries.outcome import table
from deliveries.outcome.judgement import SUPPRESSED, Disposition, Judgement, failed, rejected
from deliveries.outcome.report import Event, Reply, Report
from deliveries.states import FailureCode, Phase

__all__ = ["Classifier", "Disposition", "Judgement"]

# An operator's pattern may take time that grows with the square of the text's length, or worse.
_SEARCHED = 4096


@dataclass(frozen=True, slots=True)
class Classifier:
    """Reads replies by the configuration. `markers` are lower case."""

    markers: Sequence[str] = ()
    rules: Sequence[ReplyRule] = ()

    def judge(self, report: Report) -> Judgement:
        """What ended the transaction, and what it means for everyone not refused one by one.

        Raises ValueError for GIVEN_BACK, which decides nothing.
        """
        if report.event is Event.GIVEN_BACK:
            raise ValueError("an attempt given back has no outcome")
        if report.event is not Event.REPLY:
            return table.EVENTS[report.event].judgement
        if report.reply is None:
            raise ValueError("a report of a reply carries the reply")
        return self.judge_reply(phase=report.phase, reply=report.reply)

    def judge_reply(self, *, phase: Phase, reply: Reply) -> Judgement:
        """What a reply in this phase means, for those whom it was given."""
        if (rule := self._rule_for(phase, reply)) is not None:
            return _ruled(rule.outcome, phase)
        return self._row(phase, reply).judgement

    def is_tried_at_once(self, reply: Reply) -> bool:
        """Whether this reply to RCPT leaves its recipient for a further transaction right now."""
        return self._rule_for(Phase.RCPT, reply) is None and self._row(Phase.RCPT, reply).at_once

    def _rule_for(self, phase: Phase, reply: Reply) -> ReplyRule | None:
        return next((rule for rule in self.rules if _fits(rule, phase, reply)), None)

    def _row(self, phase: Phase, reply: Reply) -> table.ReplyRow:
        marked = reply.code >= 500 and self._is_marked(reply)
        return _find(phase, reply.code, reply.enhanced, marked)

    def _is_marked(self, reply: Reply) -> bool:
        whole = reply.whole.lower()
        return any(marker in whole for marker in self.markers)


@lru_cache(maxsize=512)
def _find(phase: Phase, code: int, enhanced: str | None, marked: bool) -> table.ReplyRow:  # noqa: FBT001 - a key
    return next(
        row
        for row in table.REPLIES
        if row.fits(phase=phase, code=code, enhanced=enhanced, marked=marked)
    )


def _fits(rule: ReplyRule, phase: Phase, reply: Reply) -> bool:
    return (
        phase in rule.phases
        and rule.code in {str(reply.code), f"{reply.code // 100}xx"}
        and rule.enhanced in {None, reply.enhanced or NO_ENHANCED_CODE}
        and (rule.pattern is None or rule.pattern.search(reply.text, 0, _SEARCHED) is not None)
    )


def _ruled(outcome: RuleOutcome, phase: Phase) -> Judgement:
    """A refusal of MAIL keeps its code, whatever a rule makes of it."""
    sender = FailureCode.SENDER_REFUSED if phase is Phase.MAIL else None
    match outcome:
        case RuleOutcome.RETRY:
            return failed(sender or FailureCode.TEMPORARY_REPLY)
        case RuleOutcome.REFUSE:
            return rejected(sender or FailureCode.PERMANENT_REPLY)
        case RuleOutcome.SUPPRESS:
            return SUPPRESSED
