"""Why a command was not accepted. Pure."""

from enum import StrEnum, unique


@unique
class RejectionCode(StrEnum):
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    INVALID_DELIVERY_ID = "invalid_delivery_id"
    INVALID_SOURCE = "invalid_source"
    INVALID_PAYLOAD_MODE = "invalid_payload_mode"
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key"
    INVALID_REQUESTED_AT = "invalid_requested_at"
    INVALID_PAYLOAD_JSON = "invalid_payload_json"
    INVALID_RECIPIENT = "invalid_recipient"
    INVALID_SUBJECT = "invalid_subject"
    INVALID_BODY = "invalid_body"
    INVALID_ATTACHMENT = "invalid_attachment"
    INVALID_HEADER = "invalid_header"
    INVALID_LOCALE = "invalid_locale"
    INVALID_SCHEDULE = "invalid_schedule"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    TEMPLATE_NOT_FOUND = "template_not_found"
    TEMPLATE_VARIABLE_MISSING = "template_variable_missing"
    TEMPLATE_RENDER_FAILED = "template_render_failed"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    DELIVERY_ID_CONFLICT = "delivery_id_conflict"
    UNSTORABLE = "unstorable"


class Rejection(Exception):  # noqa: N818 - an answer to the producer, not a fault of ours
    """One command is not accepted.

    `message` names the member that is wrong and what is wrong with it, never its value: it is
    stored, logged and shown.
    """

    def __init__(self, code: RejectionCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
