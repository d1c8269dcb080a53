"""Mailboxes from a command's payload. Pure.

Addresses are checked by `email_validator`: syntax of RFC 5321 and 6531, domains by IDNA 2008.
"""

from collections.abc import Mapping
from typing import Any

from email_validator import EmailNotValidError, validate_email

from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.intake.texts import is_line
from deliveries.payload import Mailbox

MOST_RECIPIENTS = 100
_LONGEST_NAME = 255
_LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
GROUPS = ("to", "cc", "bcc", "reply_to")


def parse_mailboxes(members: Mapping[str, Any]) -> dict[str, tuple[Mailbox, ...]]:
    """The four groups of a payload. Raises Rejection(invalid_recipient)."""
    groups = {group: _group(members.get(group, []), group) for group in GROUPS}
    if not groups["to"]:
        raise _rejected("to: at least one recipient is needed")
    if sum(len(groups[group]) for group in ("to", "cc", "bcc")) > MOST_RECIPIENTS:
        raise _rejected(f"to, cc, bcc: together at most {MOST_RECIPIENTS} recipients")
    if len(groups["reply_to"]) > MOST_RECIPIENTS:
        raise _rejected(f"reply_to: at most {MOST_RECIPIENTS} addresses")
    return groups


def _group(items: Any, group: str) -> tuple[Mailbox, ...]:
    if not isinstance(items, list):
        raise _rejected(f"{group}: must be a list")
    return tuple(_mailbox(item, f"{group}[{place}]") for place, item in enumerate(items))


def _mailbox(item: Any, where: str) -> Mailbox:
    if isinstance(item, str):
        return Mailbox(_address(item, where))
    if not isinstance(item, dict):
        raise _rejected(f"{where}: must be an address or an object with email and name")
    if not item.keys() <= {"email", "name"} or "email" not in item:
        raise _rejected(f"{where}: must have email, may have name, and nothing else")
    name = item.get("name", "")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not is_line(name):
        raise _rejected(f"{where}.name: must be one line of at most {_LONGEST_NAME} characters")
    return Mailbox(_address(item["email"], f"{where}.email"), name.strip())


def _address(text: Any, where: str) -> str:
    if not isinstance(text, str):
        raise _rejected(f"{where}: must be an address")
    if not is_line(text):
        raise _rejected(f"{where}: holds characters that no address may hold")
    try:
        # internal names such as .internal and .test are mail domains here
        parsed = validate_email(
            text, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError:
        raise _rejected(f"{where}: is not a mail address") from None
    address = f"{parsed.local_part}@{parsed.ascii_domain}"
    if len(address.encode()) > _LONGEST_ADDRESS:
        raise _rejected(f"{where}: is longer than {_LONGEST_ADDRESS} bytes")
    return address


def _rejected(message: str) -> Rejection:
    return Rejection(RejectionCode.INVALID_RECIPIENT, message)
