"""The stream, its cursor and its offset; malformed commands. Pure."""

from deliveries.conf import Config
from deliveries.diagnosis.facts import MalformedFacts, StreamFacts
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.diagnosis.judging.wording import lasting
from deliveries.printing import counted

_LATE, _VERY_LATE = 10.0, 120.0
_FLOOD = 100


def lag(_config: Config, facts: StreamFacts) -> Verdict:
    if not facts.exists:
        return ok(f"no command was ever put on {facts.name}")
    if facts.next_age is None:
        return ok(f"everything is read up to {facts.cursor or facts.published}", lag=0)
    seen = (
        f"{counted(facts.lag, 'entry', 'entries')} not read, the first put there"
        f" {lasting(facts.next_age)} ago"
    )
    advice = "Is a consumer alive and leading? See processes.consumer, and its log for faults."
    if facts.next_age > _VERY_LATE:
        return failed(seen, advice, lag=facts.lag)
    if facts.next_age > _LATE:
        return warning(seen, advice, lag=facts.lag)
    return ok(seen, lag=facts.lag)


def offset_ahead(_config: Config, facts: StreamFacts) -> Verdict:
    if facts.is_ahead:
        return failed(
            f"the cursor {facts.cursor or facts.published} is past the stream's last id"
            f" {facts.last_generated_id}: the stream was restored or recreated",
            "A working consumer goes on from the stream's first entry by itself; see"
            " manage.py stream_offset. Have producers publish again what Redis lost.",
        )
    return ok("the cursor is within the stream")


def gap(_config: Config, facts: StreamFacts) -> Verdict:
    """What is missing now and not noted yet is a failure; what was noted is still shown."""
    if facts.missing:
        return failed(
            f"{counted(facts.missing, 'entry', 'entries')} gone from the stream before being read",
            "Something else trims the stream (XTRIM, MAXLEN or XDEL): stop it. Have producers"
            " publish the lost commands again; their idempotency keys prevent duplicates.",
            missing=facts.missing,
        )
    if facts.gap_entries:
        return warning(
            f"{counted(facts.gap_entries, 'entry', 'entries')} lost unread so far;"
            " nothing new is missing",
            "The consumer's log tells when. Once the lost ones are published again,"
            " docs/runbook.md says how to end this warning.",
            gap_entries=facts.gap_entries,
        )
    return ok("nothing was lost unread", gap_entries=0)


def published(_config: Config, facts: StreamFacts) -> Verdict:
    if facts.has_offset_key and facts.published is None:
        return warning(
            "the offset key holds no entry id",
            "Somebody else wrote MAIL_REDIS_OFFSET_KEY. The next batch puts it right.",
        )
    if facts.cursor is None or facts.published == facts.cursor:
        return ok(f"the offset key says {facts.published or 'nothing yet'}")
    if facts.published is None:
        return warning(
            "the offset key is missing",
            "The cursor in PostgreSQL decides; the next batch writes the key again.",
        )
    return warning(
        f"the offset key says {facts.published}, the cursor {facts.cursor}",
        "The cursor in PostgreSQL decides; the next batch writes the key again. If it stays:"
        " has one of the two servers been restored?",
    )


def malformed(_config: Config, facts: MalformedFacts) -> Verdict:
    total = sum(facts.by_code.values())
    if not total:
        return ok("none in the last hour", total=0)
    parts = [
        f"{code} {count:,} (e.g. {facts.examples[code]})" for code, count in facts.by_code.items()
    ]
    more = " or more" if facts.is_bounded else ""
    seen = f"{total:,}{more} in the last hour: {', '.join(parts)}"
    advice = (
        "manage.py malformed_commands ENTRY_ID shows what was wrong where. Have the producer"
        " fixed; manage.py malformed_commands ENTRY_ID --replay FILE puts a corrected one in."
    )
    if total >= _FLOOD:
        return failed(seen, advice, total=total, **facts.by_code)
    return warning(seen, advice, total=total, **facts.by_code)
