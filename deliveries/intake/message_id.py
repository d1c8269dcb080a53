"""The Message-ID of a new delivery: fixed at acceptance, the same in every attempt. Pure."""

import secrets


def new_message_id(sender: str | None) -> str:
    """Unguessable, so that a reply to it proves that the mail was seen."""
    domain = (sender or "mail@localhost").rpartition("@")[2]
    return f"<{secrets.token_hex(16)}@{domain}>"
