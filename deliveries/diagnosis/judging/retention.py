"""Whether pruning keeps up. Pure."""

from deliveries.conf import Config
from deliveries.diagnosis.facts import RetentionFacts
from deliveries.diagnosis.finding import Verdict, ok, warning
from deliveries.diagnosis.judging.wording import lasting


def lag(config: Config, facts: RetentionFacts) -> Verdict:
    grace = 2 * config.prune_interval.total_seconds()
    late = {kind: seconds for kind, seconds in facts.late.items() if seconds > grace}
    if not late:
        return ok("nothing is kept past its time")
    seen = ", ".join(f"{kind} by {lasting(seconds)}" for kind, seconds in late.items())
    return warning(
        f"kept past its time: {seen}",
        "Is a prune process alive? By hand: manage.py prune --once.",
        **{kind: round(seconds) for kind, seconds in late.items()},
    )
