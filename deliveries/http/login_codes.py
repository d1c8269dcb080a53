"""`POST login-code-deliveries`: a login code is accepted, or the answer says why not."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from deliveries import crash
from deliveries.catalog.catalog import load_catalog
from deliveries.crash import Point
from deliveries.http.answers import answer
from deliveries.http.fields import Fields
from deliveries.http.group_commit import GroupCommit
from deliveries.http.problems import Code, FieldError, Problem, Unreadable
from deliveries.http.requests import read_key, read_object, read_trace_headers
from deliveries.intake.accept import Accepted, Acceptor, Result
from deliveries.intake.addresses import parse_address
from deliveries.intake.command import Command
from deliveries.intake.fingerprint import canonical
from deliveries.intake.measuring import measure_commands
from deliveries.intake.members import Members, TemplateContent, parse_locale
from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.intake.schedule import parse_moment
from deliveries.intake.texts import is_line
from deliveries.payload import Mailbox
from deliveries.states import LOGIN_CODE_TEMPLATE, DeliveryStatus, PayloadMode, Source
from deliveries.telemetry.spans import active_traceparent

_MEMBERS = ("email", "code", "locale", "expires_at")
_LONGEST_CODE = 64


_MOST_AT_ONCE = 100


@cache
def group_commit() -> GroupCommit[Command, Result]:
    """The one of this process. Made before the first request: loading a catalog takes a while."""
    config = settings.MAIL
    catalog = load_catalog(directory=config.template_dir, default_locale=config.default_locale)
    acceptor = Acceptor(config=config, catalog=catalog)
    return GroupCommit(acceptor.accept_fresh, most=_MOST_AT_ONCE)


def accept_login_code(request: HttpRequest) -> HttpResponse:
    key = read_key(request)
    body = read_object(request)
    login_code = parse_login_code(body)
    command = _command(login_code, key=key, body=body, trace=_trace_of(request))
    began = time.time_ns()
    result = group_commit().ask(command)
    crash.here(Point.LOGIN_CODE_ACCEPTED)
    measure_commands([command], [result], began=began)
    delivery_id, outcome = _outcome(result)
    request.META["mail.delivery_id"] = delivery_id
    return answer({"delivery_id": delivery_id, "outcome": outcome}, status=202)


def _trace_of(request: HttpRequest) -> dict[str, str]:
    """The caller's trace, else that of the request's own span: another thread accepts it."""
    trace = read_trace_headers(request)
    if "traceparent" not in trace and (own := active_traceparent()) is not None:
        trace["traceparent"] = own
    return trace


@dataclass(frozen=True, slots=True)
class LoginCode:
    email: str = field(repr=False)
    code: str = field(repr=False)
    locale: str
    expires_at: datetime | None


def parse_login_code(body: dict[str, Any]) -> LoginCode:
    """Raises Problem(validation_failed) with an error for each member that is wrong."""
    fields = Fields(body, known=_MEMBERS)
    email = fields.require("email", lambda text: parse_address(text, "email"))
    code = fields.require("code", _parse_code)
    locale = fields.require("locale", parse_locale)
    expires_at = fields.get("expires_at", lambda text: parse_moment(text, "expires_at"))
    fields.check("the login code")
    assert email is not None
    assert code is not None
    assert locale is not None
    return LoginCode(email=email, code=code, locale=locale, expires_at=expires_at)


def _parse_code(text: Any) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST_CODE:
        raise Unreadable("invalid_code", f"must be text of 1 to {_LONGEST_CODE} characters")
    if not is_line(text):
        raise Unreadable("invalid_code", "must be one line that can be seen")
    return text


def _command(
    login_code: LoginCode, *, key: str, body: dict[str, Any], trace: dict[str, str]
) -> Command:
    now = datetime.now(UTC)
    expires_at = login_code.expires_at or now + settings.MAIL.login_code_ttl
    members = Members(
        content=TemplateContent(
            template_id=LOGIN_CODE_TEMPLATE,
            locale=login_code.locale,
            variables={"code": login_code.code, "expires_at": _to_the_second(expires_at)},
        ),
        to=(Mailbox(login_code.email),),
        cc=(),
        bcc=(),
        reply_to=(),
        headers=(),
        attachments=(),
        send_at=None,
        expires_at=expires_at,
    )
    return Command(
        delivery_id=f"login-{uuid.uuid4()}",
        source=Source.AUTHSESSION,
        payload_mode=PayloadMode.TEMPLATE,
        idempotency_key=key,
        requested_at=now,
        members=members,
        # what the caller said: the expiry that the service sets is another at each repetition
        canonical=canonical(body),
        **trace,
    )


def _outcome(result: Result) -> tuple[str, str]:
    """The delivery's id and what to say of it; a repetition gets the first answer."""
    if isinstance(result, Rejection):
        raise _problem_of(result)
    if isinstance(result, Accepted):
        suppressed = result.status is DeliveryStatus.SUPPRESSED
    else:
        suppressed = result.suppressed
    return result.delivery_id, "suppressed" if suppressed else "accepted"


def _problem_of(rejection: Rejection) -> Problem:
    if rejection.code is RejectionCode.IDEMPOTENCY_CONFLICT:
        return Problem(
            Code.IDEMPOTENCY_CONFLICT, "the Idempotency-Key was used for another login code"
        )
    field_name, _, detail = rejection.message.partition(": ")
    known = field_name if detail and field_name in _MEMBERS else ""
    return Problem(
        Code.VALIDATION_FAILED,
        "the login code cannot be accepted",
        errors=[FieldError(known, rejection.code, detail if known else rejection.message)],
    )


def _to_the_second(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
