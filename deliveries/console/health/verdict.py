"""Is it healthy? From the readings to what an operator should look at. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from deliveries.console.health.facts import Readings
from deliveries.console.story.timeline import spell
from deliveries.console.words import SOURCE, Tone
from deliveries.printing import counted
from deliveries.states import ProcessType

LATE = timedelta(minutes=1)
VERY_LATE = timedelta(minutes=10)
MANY_NOT_ACCEPTED = 0.2
_FEW = 20  # attempts; of fewer a share says nothing

# without these mail stands still; without the others it only grows old
_NEEDED = {
    ProcessType.CONSUMER: "No command is read from the stream",
    ProcessType.SCHEDULER: "Nothing is handed out, and nobody looks for lost workers",
    ProcessType.ATTEMPTS: "Nothing is sent",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` is a query on a list, such as `dead-letters/?since=1h`, "" where there is none."""

    tone: Tone
    text: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    tone: Tone
    title: str
    findings: tuple[Finding, ...]


def judge(readings: Readings, *, dead_letters: int) -> Verdict:
    """`dead_letters` is the number of the last hour."""
    findings = tuple(_findings(readings, dead_letters))
    tones = {finding.tone for finding in findings}
    if Tone.BAD in tones:
        return Verdict(Tone.BAD, "This needs you", findings)
    if Tone.WARN in tones:
        return Verdict(Tone.WARN, "Worth a look", findings)
    return Verdict(Tone.GOOD, "All is well", findings)


def _findings(readings: Readings, dead_letters: int) -> Iterator[Finding]:
    yield from _process_findings(readings)
    for hold in readings.holds:
        yield Finding(Tone.WARN, f"Held: {SOURCE[hold.source]}. {hold.reason}")
    overdue = readings.overdue
    if overdue >= LATE:
        tone = Tone.BAD if overdue >= VERY_LATE else Tone.WARN
        text = f"Mail that is due waits: the oldest has been due for {spell(overdue)}."
        yield Finding(tone, text, "deliveries/?status=queued")
    if dead_letters:
        text = f"{counted(dead_letters, 'dead letter')} in the last hour."
        yield Finding(Tone.WARN, text, "dead-letters/")
    sends = readings.sends
    if sends.attempts >= _FEW and sends.not_accepted > MANY_NOT_ACCEPTED * sends.attempts:
        share = round(100 * sends.not_accepted / sends.attempts)
        text = f"The relay did not take {share} % of the latest {sends.attempts} attempts."
        yield Finding(Tone.WARN, text, "attempts/?status=transport_failed")
    if readings.malformed:
        text = f"{counted(readings.malformed, 'malformed command')} in the last 24 hours."
        yield Finding(Tone.WARN, text, "malformed-commands/?since=24h")


def _process_findings(readings: Readings) -> Iterator[Finding]:
    running = {row.type for row in readings.processes}
    for process, consequence in _NEEDED.items():
        if process not in running:
            yield Finding(Tone.BAD, f"No {process} process runs. {consequence}.")
    if ProcessType.PRUNE not in running:
        yield Finding(Tone.WARN, "No prune process runs. Old rows stay, unless cron prunes.")
    if readings.lost:
        text = f"{counted(len(readings.lost), 'process', 'processes')} lost in the last hour."
        yield Finding(Tone.WARN, text)
