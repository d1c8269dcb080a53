"""Mailboxes from a command's payload. Pure.

Addresses are checked by `email_validator`: syntax of RFC 5321 and 6531, domains by IDNA 2008. Most
are plain and are known to be right from one expression, which a test holds to the library.
"""

import re
from collections.abc import Mapping
from typing import Any

from email_validator import EmailNotValidError, validate_email

from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.intake.texts import is_line
from deliveries.payload import Mailbox

MOST_RECIPIENTS = 100
_LONGEST_NAME = 255
_LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets
GROUPS = ("to", "cc", "bcc", "reply_to")

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL_REST = r"(?:[a-z0-9-]{0,61}[a-z0-9])?"
# Lower case, so that nothing is left to normalise; no `--` where Punycode has it; the last label
# begins with a letter and is not one that can never be reached.
_PLAIN = re.compile(
    rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:(?!..--)[a-z0-9]{_LABEL_REST}\.)*"
    rf"(?!(?:arpa|invalid|onion)\Z)(?!..--)[a-z]{_LABEL_REST}"
)
# The library refuses these top levels, but relays inside a network do take mail for them.
_INTERNAL = re.compile(r"(?:.*\.)?(?:local|localhost|test)", re.IGNORECASE | re.ASCII)
_NEUTRAL = ".example"


def parse_mailboxes(members: Mapping[str, Any]) -> dict[str, tuple[Mailbox, ...]]:
    """The four groups of a payload. Raises Rejection(invalid_recipient)."""
    groups = {group: _items(members.get(group, []), group) for group in GROUPS}
    if not groups["to"]:
        raise _rejected("to: at least one recipient is needed")
    # counted before any is read: five megabytes of addresses take a quarter of a minute
    if sum(len(groups[group]) for group in ("to", "cc", "bcc")) > MOST_RECIPIENTS:
        raise _rejected(f"to, cc, bcc: together at most {MOST_RECIPIENTS} recipients")
    if len(groups["reply_to"]) > MOST_RECIPIENTS:
        raise _rejected(f"reply_to: at most {MOST_RECIPIENTS} addresses")
    return {
        group: tuple(_mailbox(item, f"{group}[{place}]") for place, item in enumerate(items))
        for group, items in groups.items()
    }


def _items(items: Any, group: str) -> list[Any]:
    if not isinstance(items, list):
        raise _rejected(f"{group}: must be a list")
    return items


def _mailbox(item: Any, where: str) -> Mailbox:
    if isinstance(item, str):
        return Mailbox(parse_address(item, where))
    if not isinstance(item, dict):
        raise _rejected(f"{where}: must be an address or an object with email and name")
    if not item.keys() <= {"email", "name"} or "email" not in item:
        raise _rejected(f"{where}: must have email, may have name, and nothing else")
    name = item.get("name", "")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not is_line(name):
        raise _rejected(f"{where}.name: must be one line of at most {_LONGEST_NAME} characters")
    return Mailbox(parse_address(item["email"], f"{where}.email"), name.strip())


def parse_address(text: Any, where: str) -> str:
    """One address as it is kept: its domain in ASCII. Raises Rejection(invalid_recipient)."""
    if not isinstance(text, str):
        raise _rejected(f"{where}: must be an address")
    # before it is read: the library takes seconds for an address of a megabyte
    if len(text) > _LONGEST_ADDRESS:
        raise _rejected(f"{where}: is longer than {_LONGEST_ADDRESS} bytes")
    if _PLAIN.fullmatch(text):
        return text
    if not is_line(text):
        raise _rejected(f"{where}: holds characters that no address may hold")
    local_part, domain = _checked(text, where)
    address = f"{local_part}@{domain}"
    if len(address.encode()) > _LONGEST_ADDRESS:
        raise _rejected(f"{where}: is longer than {_LONGEST_ADDRESS} bytes")
    return address


def _checked(text: str, where: str) -> tuple[str, str]:
    """The local part in NFC, and the domain in ASCII."""
    suffix = _NEUTRAL if _INTERNAL.fullmatch(text.rpartition("@")[2]) else ""
    try:
        parsed = validate_email(
            text + suffix, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError:
        raise _rejected(f"{where}: is not a mail address") from None
    domain = parsed.ascii_domain.removesuffix(suffix)
    # an address of a host, for which there is no top level (RFC 1123 section 2.1)
    if domain.rpartition(".")[2].isdigit():
        raise _rejected(f"{where}: has a domain that ends in a number")
    return parsed.local_part, domain


def _rejected(message: str) -> Rejection:
    return Rejection(RejectionCode.INVALID_RECIPIENT, message)
