"""The configuration and the template catalog. Pure."""

from collections.abc import Sequence

from deliveries.conf import Config, SmtpMode
from deliveries.diagnosis.facts import TemplateFacts
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.printing import counted


def warnings(config: Config, found: Sequence[str]) -> Verdict:
    where = (
        f"mail goes to {config.smtp_addr}"
        if config.smtp_mode is SmtpMode.SMTP
        else "stub: nothing is sent"
    )
    seen = f"valid; {where}"
    if found:
        return warning(f"{seen}; {' '.join(found)}", "See docs/configuration.md for each id.")
    return ok(seen)


def templates(config: Config, facts: TemplateFacts) -> Verdict:
    if facts.problems:
        return failed(
            f"{counted(len(facts.problems), 'problem')}: {facts.problems[0]}",
            "No process can start. Fix the files: manage.py check_templates shows all problems.",
        )
    return ok(
        f"{counted(facts.count, 'template')} in {config.template_dir}, digest {facts.digest[:12]}"
    )
