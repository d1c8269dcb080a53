"""Logging in, with the number of tries kept in PostgreSQL: the same for every worker and host.

A try is counted before the password is looked at, so that guesses made at the same moment count
too. The keys are digests: a name that somebody typed may be a password.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from deliveries.database import Statement, atomic

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
TRIES_OF_AN_ACCOUNT = 10
TRIES_OF_AN_ADDRESS = 50

COUNT = Statement(
    name="console.count_login",
    purpose="count one more try under each key, in a window that begins with its first",
    sql="""
INSERT INTO console_login_tries AS t (key, tries, since)
SELECT key, 1, now() FROM unnest(%(keys)b::bytea[]) AS key ORDER BY key
ON CONFLICT (key) DO UPDATE
  SET tries = CASE WHEN t.since <= now() - %(window)b::interval THEN 1 ELSE t.tries + 1 END,
      since = CASE WHEN t.since <= now() - %(window)b::interval THEN now() ELSE t.since END
RETURNING key, tries, since + %(window)b::interval - now() AS wait
""",
)

FORGET = Statement(
    name="console.forget_login",
    purpose="a login that succeeded ends the count of its account",
    sql="DELETE FROM console_login_tries WHERE key = %(key)b::bytea",
)

SWEEP = Statement(
    name="console.sweep_logins",
    purpose="remove windows and sessions that are over, some at each login",
    sql="""
WITH tries AS (
  DELETE FROM console_login_tries WHERE key = ANY(ARRAY(
    SELECT key FROM console_login_tries WHERE since < now() - %(window)b::interval
    LIMIT 1000 FOR UPDATE SKIP LOCKED))
)
DELETE FROM django_session WHERE session_key = ANY(ARRAY(
  SELECT session_key FROM django_session WHERE expire_date < now()
  LIMIT 1000 FOR UPDATE SKIP LOCKED))
""",
)


class TooManyTriesError(Exception):
    """Wait: nothing is looked at before that."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"too many tries; the next one is looked at in {wait}")
        self.wait = wait


class LoginForm(AdminAuthenticationForm):
    """Django's form for staff, behind the count. `wait` is set when it refused without looking."""

    wait: timedelta | None = None

    def clean(self) -> dict[str, Any]:
        request = self.request
        account, address = _keys(username=self.data.get("username", ""), request=request)
        try:
            _count({account: TRIES_OF_AN_ACCOUNT, address: TRIES_OF_AN_ADDRESS})
        except TooManyTriesError as error:
            self.wait = error.wait
            logger.warning("admin login refused unchecked", extra={"address": _address(request)})
            minutes = -(-error.wait // timedelta(minutes=1))
            raise ValidationError(
                f"Too many tries. Wait {minutes} min, then try again.", code="throttled"
            ) from None
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            logger.warning("admin login failed", extra={"address": _address(request)})
            raise
        FORGET.fetch(key=account)
        SWEEP.fetch(window=WINDOW)
        logger.info("admin login", extra={"address": _address(request)})
        return cleaned


def _count(limits: Mapping[bytes, int]) -> None:
    """Count a try under each key. Raises TooManyTriesError where one is past its limit."""
    with atomic():
        rows = COUNT.fetch(keys=list(limits), window=WINDOW)
    waits = [row.wait for row in rows if row.tries > limits[bytes(row.key)]]
    if waits:
        raise TooManyTriesError(max(waits))


def _keys(*, username: str, request: HttpRequest | None) -> tuple[bytes, bytes]:
    account = f"account {username.strip().lower()}"
    return _digest(account), _digest(f"address {_address(request)}")


def _digest(text: str) -> bytes:
    return hmac.digest(
        settings.SECRET_KEY.encode(), text.encode("utf-8", "replace"), hashlib.sha256
    )


def _address(request: HttpRequest | None) -> str:
    return "" if request is None else str(request.META.get("REMOTE_ADDR", ""))
