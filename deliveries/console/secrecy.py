"""What of a login code may be seen: who it went to and what became of it, never what it said."""

from deliveries.states import LOGIN_CODE_TEMPLATE, Source


def holds_login_code(*, source: str, template_id: str | None) -> bool:
    """Whether the content may hold a code, as long as it is not erased."""
    return source == Source.AUTHSESSION or template_id == LOGIN_CODE_TEMPLATE
