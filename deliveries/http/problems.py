"""What goes wrong, as `application/problem+json` (RFC 9457) with a `code` to tell cases apart.

The codes are the API's contract, like the paths. A detail says what is wrong with the request,
never what was in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"


@unique
class Code(StrEnum):
    INVALID_HOST = "invalid_host"
    INVALID_JSON = "invalid_json"
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key"
    INVALID_REQUEST = "invalid_request"  # not even HTTP that can be read
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - a code
    INSUFFICIENT_SCOPE = "insufficient_scope"
    NOT_FOUND = "not_found"
    DELIVERY_NOT_FOUND = "delivery_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    DELIVERY_NOT_TERMINAL = "delivery_not_terminal"
    PAYLOAD_PRUNED = "payload_pruned"
    DELIVERY_EXPIRED = "delivery_expired"
    NOTHING_TO_RESEND = "nothing_to_resend"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    VALIDATION_FAILED = "validation_failed"
    WINDOW_REQUIRED = "window_required"
    INTERNAL_ERROR = "internal_error"
    DATABASE_UNAVAILABLE = "database_unavailable"
    READ_TOO_LONG = "read_too_long"


STATUS: Mapping[Code, HTTPStatus] = {
    Code.INVALID_HOST: HTTPStatus.BAD_REQUEST,
    Code.INVALID_JSON: HTTPStatus.BAD_REQUEST,
    Code.INVALID_IDEMPOTENCY_KEY: HTTPStatus.BAD_REQUEST,
    Code.INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    Code.INVALID_TOKEN: HTTPStatus.UNAUTHORIZED,
    Code.INSUFFICIENT_SCOPE: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.DELIVERY_NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Code.IDEMPOTENCY_CONFLICT: HTTPStatus.CONFLICT,
    Code.DELIVERY_NOT_TERMINAL: HTTPStatus.CONFLICT,
    Code.PAYLOAD_PRUNED: HTTPStatus.CONFLICT,
    Code.DELIVERY_EXPIRED: HTTPStatus.CONFLICT,
    Code.NOTHING_TO_RESEND: HTTPStatus.CONFLICT,
    Code.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Code.VALIDATION_FAILED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.WINDOW_REQUIRED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.INTERNAL_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.DATABASE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.READ_TOO_LONG: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one member of the body, or one parameter of the query."""

    field: str
    code: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return {"field": self.field, "code": self.code, "detail": self.detail}


class Unreadable(Exception):  # noqa: N818 - an answer, not a fault of ours
    """One value is not what its field takes; becomes a `FieldError` under the field's name."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class Problem(Exception):  # noqa: N818 - an answer, not a fault of ours
    """Raised anywhere in a view; answered as problem+json. `headers` go into the answer."""

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @property
    def status(self) -> HTTPStatus:
        return STATUS[self.code]

    def as_json(self) -> dict[str, object]:
        members: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "code": self.code.value,
            "detail": self.detail,
        }
        if self.errors:
            members["errors"] = [error.as_json() for error in self.errors]
        return members
