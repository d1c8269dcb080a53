"""Who should get it, and what each got. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deliveries.console.story.timeline import shown_reply
from deliveries.console.words import Tone
from deliveries.states import TERMINAL, DeliveryStatus

_ROLES = ("to", "cc", "bcc")
_TERMINAL = {status.value for status in TERMINAL}


@dataclass(frozen=True, slots=True)
class Recipient:
    """`outcome` in a word, `reply` what the relay said of this one where it refused."""

    role: str
    address: str = field(repr=False)
    name: str = field(repr=False)
    outcome: str
    tone: Tone
    reply: str = ""


def recipients_of(
    *, delivery: Any, mailboxes: Mapping[str, Sequence[Mapping[str, str]]]
) -> list[Recipient]:
    """Every envelope recipient once, with the role in which it first appears."""
    refused = {refusal["address"]: refusal for refusal in delivery.recipients_refused or ()}
    left = None if delivery.recipients_left is None else set(delivery.recipients_left)
    found: dict[str, Recipient] = {}
    for role, address, name in _all(mailboxes):
        if address in found:
            continue
        refusal = refused.get(address)
        if refusal is not None:
            outcome = "suppressed" if refusal.get("suppressed") else "refused"
            reply = shown_reply(refusal.get("summary"), delivery)
            found[address] = Recipient(role, address, name, outcome, Tone.BAD, reply)
        else:
            found[address] = Recipient(role, address, name, *_outcome(delivery, address, left))
    return list(found.values())


def _all(mailboxes: Mapping[str, Sequence[Mapping[str, str]]]) -> Iterator[tuple[str, str, str]]:
    for role in _ROLES:
        for mailbox in mailboxes.get(role, ()):
            yield role, mailbox["email"], mailbox["name"]


def _outcome(delivery: Any, address: str, left: set[str] | None) -> tuple[str, Tone]:
    """Of one that was not refused for good."""
    over = delivery.status in _TERMINAL
    if left is not None:
        is_left = address in left
    else:
        # nobody was ever left over: all went together, or none was tried
        is_left = not (delivery.recipients_accepted or delivery.status == DeliveryStatus.SENT)
    if not is_left:
        return "accepted", Tone.GOOD
    return ("not reached", Tone.BAD) if over else ("waiting", Tone.WAIT)
