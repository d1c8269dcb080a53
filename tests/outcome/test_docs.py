"""The tables of docs/smtp.md say what the code does, row by row; its example of rules is right."""

import re
from pathlib import Path

from deliveries.conf.reply_rules import NO_ENHANCED_CODE, RuleOutcome, reply_rules
from deliveries.outcome import table
from deliveries.outcome.judgement import Judgement
from deliveries.states import Phase

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "smtp.md").read_text()


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    _, _, after = DOCUMENT.partition(f"\n### {heading}\n")
    lines = after.partition("\n#")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return cells[2:]


def names(words) -> str:
    return ", ".join(f"`{word}`" for word in words)


def code_of(judgement: Judgement) -> str:
    return f"`{judgement.failure_code}`" if judgement.failure_code else "none"


def written(row: table.ReplyRow) -> list[str]:
    codes = ", ".join(row.codes) or "any other"
    enhanced = ", ".join(code or NO_ENHANCED_CODE for code in row.enhanced) or "any"
    disposition = row.judgement.disposition.value
    return [
        "any" if row.phases == tuple(Phase) else names(row.phases),
        f"{codes} with a marker" if row.marked else codes,
        enhanced,
        f"`{row.judgement.status}`",
        code_of(row.judgement),
        f"{disposition}, at once" if row.at_once else disposition,
        row.source,
    ]


def test_every_row_of_replies_is_documented_in_order():
    assert rows_under("Replies") == [written(row) for row in table.REPLIES]


def test_every_event_is_documented_in_order():
    documented = [[code, *rest] for code, _happened, *rest in rows_under("Ends without a reply")]
    assert documented == [
        [
            code_of(row.judgement),
            f"`{row.judgement.status}`",
            row.judgement.disposition.value,
            row.source,
        ]
        for row in table.EVENTS.values()
    ]


def test_the_example_of_rules_is_read():
    (example,) = re.findall(r"^MAIL_SMTP_REPLY_RULES='(.*)'$", DOCUMENT, re.MULTILINE)
    retry, refuse = reply_rules(example)
    assert (retry.outcome, refuse.outcome) == (RuleOutcome.RETRY, RuleOutcome.REFUSE)
