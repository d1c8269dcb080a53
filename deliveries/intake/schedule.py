"""When a command is to be sent, and until when. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from deliveries.intake.rejection import Rejection, RejectionCode

# RFC 3339 section 5.6; a leap second, which datetime does not know, is refused with the rest
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_EARLIEST, _LATEST = 2000, 2200


def parse_schedule(members: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """`send_at` and `expires_at`, in UTC. Raises Rejection(invalid_schedule)."""
    send_at = _time(members, "send_at")
    expires_at = _time(members, "expires_at")
    if send_at is not None and expires_at is not None and expires_at <= send_at:
        raise _rejected("expires_at: must be after send_at")
    return send_at, expires_at


def check_send_at(*, send_at: datetime | None, now: datetime, retention: timedelta) -> None:
    """Raises Rejection(invalid_schedule) for what would be kept for longer than a delivery is."""
    if send_at is not None and send_at > now + retention:
        raise _rejected("send_at: is further away than deliveries are kept")


def parse_moment(text: Any, name: str) -> datetime:
    """An RFC 3339 time, in UTC. Raises Rejection(invalid_schedule)."""
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise _rejected(f"{name}: must be an RFC 3339 time with a zone")
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _rejected(f"{name}: is not a valid date and time") from None
    if not _EARLIEST <= moment.year < _LATEST:
        raise _rejected(f"{name}: must lie between {_EARLIEST} and {_LATEST}")
    return moment


def _time(members: Mapping[str, Any], name: str) -> datetime | None:
    return parse_moment(members[name], name) if name in members else None


def _rejected(message: str) -> Rejection:
    return Rejection(RejectionCode.INVALID_SCHEDULE, message)
