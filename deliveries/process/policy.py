"""What follows a failure, by the configuration."""

from deliveries.conf import Config, UnknownOutcome
from deliveries.outcome.verdict import Policy


def policy_of(config: Config) -> Policy:
    return Policy(
        ladder=config.retry_ladder,
        markers=config.smtp_suppression_markers,
        retries_unknown=config.unknown_outcome is UnknownOutcome.RETRY,
        rules=config.smtp_reply_rules,
    )
