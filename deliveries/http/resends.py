"""`POST deliveries/{delivery_id}/resend`: what has ended is sent again."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from deliveries.http.answers import answer
from deliveries.http.fields import Fields
from deliveries.http.problems import Code, Problem, Unreadable
from deliveries.http.reads import unknown_delivery
from deliveries.http.requests import read_key, read_object, read_trace_headers
from deliveries.intake.command import is_delivery_id
from deliveries.intake.schedule import parse_moment
from deliveries.resending import Asked, resend_deliveries
from deliveries.transitions.resend import ResendOutcome

_MEMBERS = ("recipients", "expires_at")
_REFUSED, _ALL = "refused", "all"

_CONFLICTS = {
    ResendOutcome.CONFLICT: (
        Code.IDEMPOTENCY_CONFLICT,
        "the Idempotency-Key was used for another request to send again",
    ),
    ResendOutcome.NOT_TERMINAL: (Code.DELIVERY_NOT_TERMINAL, "the delivery has not ended yet"),
    ResendOutcome.LOGIN_CODE: (
        Code.PAYLOAD_PRUNED,
        "a login code is erased when its delivery ends",
    ),
    ResendOutcome.PAYLOAD_PRUNED: (
        Code.PAYLOAD_PRUNED,
        "the content of the delivery is no longer kept",
    ),
    ResendOutcome.EXPIRED: (
        Code.DELIVERY_EXPIRED,
        "the delivery is past its expiry: give an expires_at in the future",
    ),
    ResendOutcome.NOTHING_TO_RESEND: (
        Code.NOTHING_TO_RESEND,
        'every recipient was accepted: ask for "recipients": "all" to send it to them again',
    ),
}


def resend_delivery(request: HttpRequest, delivery_id: str) -> HttpResponse:
    key = read_key(request)
    body = read_object(request, may_be_absent=True)
    if not is_delivery_id(delivery_id):
        raise unknown_delivery()
    asked = _read(body, delivery_id=delivery_id, key=key, trace=read_trace_headers(request))
    (resent,) = resend_deliveries(config=settings.MAIL, asked=[asked])
    if resent.outcome is ResendOutcome.NOT_FOUND:
        raise unknown_delivery()
    if resent.outcome in _CONFLICTS:
        raise Problem(*_CONFLICTS[resent.outcome])
    request.META["mail.delivery_id"] = resent.delivery_id
    return answer({"delivery_id": resent.delivery_id}, status=201)


def _read(body: dict[str, Any], *, delivery_id: str, key: str, trace: dict[str, str]) -> Asked:
    """Raises Problem(validation_failed)."""
    fields = Fields(body, known=_MEMBERS)
    recipients = fields.get("recipients", _recipients)
    expires_at = fields.get("expires_at", lambda text: parse_moment(text, "expires_at"))
    fields.check("the request")
    return Asked(
        delivery_id=delivery_id,
        key=key,
        everyone=recipients == _ALL,
        expires_at=expires_at,
        **trace,
    )


def _recipients(text: Any) -> str:
    if text not in (_REFUSED, _ALL):
        raise Unreadable("invalid_choice", f"must be {_REFUSED} or {_ALL}")
    return str(text)
