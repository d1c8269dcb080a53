"""Putting a command on the stream as a producer does, from an operator's flags or file."""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from django_redis import get_redis_connection

from deliveries.conf import Config
from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry
from deliveries.intake.rejection import Rejection
from deliveries.json_files import read_object
from deliveries.producer import (
    CommandPublisher,
    Patience,
    Published,
    StreamRefusedError,
    UnconfirmedError,
)
from deliveries.states import PayloadMode, Source

# option -> member of the payload, those that are copied as they are
_MEMBERS = {
    "to": "to",
    "cc": "cc",
    "bcc": "bcc",
    "reply_to": "reply_to",
    "subject": "subject",
    "text": "text_body",
    "html": "html_body",
    "template_id": "template_id",
    "locale": "locale",
    "send_at": "send_at",
    "expires_at": "expires_at",
}
# option -> field of the entry
_FIELDS = ("delivery_id", "payload_mode", "idempotency_key", "request_id")


# a person waits for it
_PATIENCE = Patience(total=3.0, each=2.0)


class PublishingError(Exception):
    """The command was not published. The message says why, in one line."""


class StreamAwayError(PublishingError):
    """Redis did not confirm the entry."""


def publish(*, config: Config, options: Mapping[str, Any]) -> Published:
    """Publish what the options of `publish_command` say; an option not given is None.

    Raises PublishingError and JsonFileError; StreamAwayError when Redis does not confirm.
    """
    given = _from_file(options) if options["file"] else _from_flags(options)
    fields = encoded({**_defaults(), **given})
    if not options["unchecked"]:
        try:
            check(fields, max_payload_bytes=config.max_payload_bytes)
        except PublishingError as error:
            raise PublishingError(f"{error} (--unchecked publishes it anyway)") from None
    return put(fields, config=config)


def put(fields: Mapping[str, bytes], *, config: Config) -> Published:
    """Put an entry on the stream, right or wrong. Raises StreamAwayError."""
    publisher = CommandPublisher(
        get_redis_connection("default"), stream=config.redis_command_stream, patience=_PATIENCE
    )
    try:
        return publisher.add(fields)
    except (UnconfirmedError, StreamRefusedError) as error:
        raise StreamAwayError(
            f"at {config.redis_master_addr}: {error};"
            " see MAIL_REDIS_MASTER_ADDR and MAIL_REDIS_PASSWORD"
        ) from None


def check(fields: Mapping[str, bytes], *, max_payload_bytes: int) -> None:
    """Raises PublishingError for what the consumer would reject without looking further."""
    entry = StreamEntry(
        entry_id="0-0",
        fields=tuple((_bytes(name), value) for name, value in fields.items()),
    )
    try:
        parse_entry(entry=entry, max_payload_bytes=max_payload_bytes)
    except Rejection as rejection:
        raise PublishingError(f"{rejection.code}: {rejection.message}") from None


def _defaults() -> dict[str, Any]:
    return {
        "delivery_id": str(uuid.uuid4()),
        "source": Source.NOTIFICATION,
        "idempotency_key": str(uuid.uuid4()),
        "requested_at_ms": time.time_ns() // 1_000_000,
    }


def _from_file(options: Mapping[str, Any]) -> dict[str, Any]:
    beside = [name for name in (*_FIELDS, *_MEMBERS, "variables") if options[name] is not None]
    if beside:
        flag = beside[0].replace("_", "-")
        raise PublishingError(f"--{flag}: goes with the other flags, not with --file")
    return read_object(options["file"])


def _from_flags(options: Mapping[str, Any]) -> dict[str, Any]:
    payload = {
        member: options[name] for name, member in _MEMBERS.items() if options[name] is not None
    }
    if options["variables"] is not None:
        payload["variables"] = read_object(options["variables"])
    is_template = options["template_id"] is not None
    fields = {name: options[name] for name in _FIELDS if options[name] is not None}
    mode = PayloadMode.TEMPLATE if is_template else PayloadMode.RENDERED
    return {"payload_mode": mode, **fields, "payload_json": payload}


def encoded(fields: Mapping[str, Any]) -> dict[str, bytes]:
    """Texts and whole numbers as they are, `payload_json` as JSON unless it is text already."""
    raw = {}
    for name, value in fields.items():
        if name == "payload_json" and not isinstance(value, str):
            text = json.dumps(value, ensure_ascii=False)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            text = str(value)
        else:
            raise PublishingError(f"{json.dumps(name)}: must be text or a whole number")
        raw[name] = _bytes(text)
    return raw


def _bytes(text: str) -> bytes:
    """An unpaired surrogate too: the check refuses it, and --unchecked may want it."""
    return text.encode("utf-8", "surrogatepass")
