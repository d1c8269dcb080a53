"""Posting login codes to the internal HTTP API."""

import json
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum, unique
from typing import Any

from deliveries.producer.entry import check_key, encode_json, is_request_id
from deliveries.producer.errors import (
    IdempotencyConflictError,
    RequestRejectedError,
    UnconfirmedError,
    UnexpectedAnswerError,
)
from deliveries.producer.exchange import FAULTS, Answer, Endpoint, Exchanges
from deliveries.producer.mail import rfc3339
from deliveries.producer.patience import Patience, Tries
from deliveries.producer.trace import TraceContext

_PATH = "/api/v1/internal/login-code-deliveries"
# The service is away for now, or what is in front of it is overloaded: a request may be repeated
# under its key.
_PASSING = frozenset({429, 502, 503, 504})
_TOKEN = re.compile(r"[!-~]+")
_NAME = re.compile(r"[a-z][a-z0-9_.\[\]/-]{0,63}")
_DELIVERY_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@unique
class Outcome(StrEnum):
    ACCEPTED = "accepted"
    SUPPRESSED = "suppressed"  # the service runs in stub mode, and sends nothing


@dataclass(frozen=True, slots=True)
class LoginCodeDelivery:
    """What the service has stored; sending comes after."""

    delivery_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginCode:
    """A code for one address. Without `expires_at` the service sets the code's time to live."""

    email: str = field(repr=False)
    code: str = field(repr=False)
    locale: str
    expires_at: datetime | None = None

    def body(self) -> bytes:
        """The same bytes each time. Raises InvalidCommandError."""
        members = {"email": self.email, "code": self.code, "locale": self.locale}
        if self.expires_at is not None:
            members["expires_at"] = rfc3339(self.expires_at, "expires_at") or ""
        return encode_json(members, "the login code")


class LoginCodeClient:
    """Posts login codes. May be shared by threads; keeps its connections for a moment.

    What ends in no answer, or in a 429, 502, 503 or 504, is posted again under the same idempotency
    key until the patience is over, not before the time that a `Retry-After` names. Another 4xx is
    never repeated: the answer would be the same.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        patience: Patience | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`url` is where the service listens, `http://127.0.0.1:8080`; `token` one of the scope
        `submit`. Raises ValueError for what can be neither.
        """
        if token is not None and not _TOKEN.fullmatch(token):
            raise ValueError("the token must be visible ASCII characters")
        try:
            endpoint = Endpoint.of(url, tls=tls)
        except ValueError as error:
            raise ValueError(f"the service's URL {error}") from None
        self._patience = patience or Patience()
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._exchanges = Exchanges(endpoint)

    def post(
        self,
        login_code: LoginCode,
        *,
        idempotency_key: str,
        request_id: str | None = None,
        trace: TraceContext | None = None,
    ) -> LoginCodeDelivery:
        """Hand one login code over; the service has stored it when this returns.

        The key names the login that the code is for, and is the same when the caller repeats
        itself. Raises InvalidCommandError, IdempotencyConflictError, RequestRejectedError,
        UnexpectedAnswerError, or UnconfirmedError, after which posting again under the same key is
        safe.
        """
        headers = {
            **self._headers,
            **(trace.headers() if trace else {}),
            "Idempotency-Key": check_key(idempotency_key),
        }
        if is_request_id(request_id):
            headers["X-Request-Id"] = request_id
        return _delivery(self._answer(login_code.body(), headers))

    def close(self) -> None:
        self._exchanges.close()

    def _answer(self, body: bytes, headers: dict[str, str]) -> Answer:
        """The first that is final. Raises UnconfirmedError."""
        tries = Tries(self._patience)
        while True:
            wait = None
            try:
                answer = self._exchanges.post(
                    _PATH, body=body, headers=headers, deadline=tries.deadline()
                )
            except ssl.SSLCertVerificationError:
                raise UnexpectedAnswerError("the service's certificate is not trusted") from None
            except FAULTS as error:
                problem = f"the service gave no answer ({type(error).__name__})"
            else:
                if answer.status not in _PASSING:
                    return answer
                problem = f"the service answered {answer.status}"
                wait = _seconds(answer.retry_after)
            if not tries.pause(at_least=wait or 0.0):
                raise UnconfirmedError(problem, retry_after=wait)


def _delivery(answer: Answer) -> LoginCodeDelivery:
    members = _members(answer.body)
    if answer.status == 202:
        return _accepted(members)
    if answer.status >= 500:
        raise UnconfirmedError(f"the service answered {answer.status}")
    if answer.status < 400:
        raise UnexpectedAnswerError(f"the service answered {answer.status}")
    code = _name(members.get("code"))
    if answer.status == 409 and code == "idempotency_conflict":
        raise IdempotencyConflictError(status=answer.status, code=code)
    errors = members.get("errors")
    listed = errors if isinstance(errors, list) else []
    names = [_name(error.get("field")) for error in listed if isinstance(error, dict)]
    raise RequestRejectedError(status=answer.status, code=code, fields=tuple(filter(None, names)))


def _accepted(members: dict[str, Any]) -> LoginCodeDelivery:
    delivery_id, outcome = members.get("delivery_id"), members.get("outcome")
    if isinstance(delivery_id, str) and _DELIVERY_ID.fullmatch(delivery_id):
        with suppress(ValueError):
            return LoginCodeDelivery(delivery_id, Outcome(str(outcome)))
    raise UnexpectedAnswerError("the service answered 202 without a delivery")


def _members(body: bytes) -> dict[str, Any]:
    """An object's members; none where the answer is no JSON object."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _name(value: Any) -> str:
    """A code or a member's name: anything else in its place is not shown."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def _seconds(retry_after: str | None) -> float | None:
    """Of a number or a date (RFC 9110 section 10.2.3); None where it is neither."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
