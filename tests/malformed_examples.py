"""Entries that must be rejected, by their failure code; and one that must not."""

import json
from typing import Any

PAYLOAD: dict[str, Any] = {
    "to": [{"email": "ada@example.org", "name": "Ada"}],
    "subject": "Hello",
    "text_body": "Text",
}
TEMPLATE: dict[str, Any] = {
    "to": ["ada@example.org"],
    "template_id": "auth.login_code",
    "locale": "en",
    "variables": {"code": "123456"},
}
_ABSENT = object()


def fields(number: int = 0, *, payload: Any = PAYLOAD, **changes: Any) -> dict[bytes, bytes]:
    """The fields of an entry; a change to None takes the field out."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    entry: dict[str, Any] = {
        "delivery_id": f"d-{number}",
        "source": "notification",
        "payload_mode": "template"
        if isinstance(payload, dict) and "locale" in payload
        else "rendered",
        "idempotency_key": f"key-{number}",
        "requested_at_ms": "1790000000000",
        "payload_json": raw,
        **changes,
    }
    return {
        name.encode(): value if isinstance(value, bytes) else str(value).encode()
        for name, value in entry.items()
        if value is not None
    }


def _payload(**changes: Any) -> dict[str, Any]:
    return {k: v for k, v in {**PAYLOAD, **changes}.items() if v is not _ABSENT}


def _template(**changes: Any) -> dict[str, Any]:
    return {k: v for k, v in {**TEMPLATE, **changes}.items() if v is not _ABSENT}


def _receipt(**variables: Any) -> dict[str, Any]:
    required = {
        "receipt_number": "R-1",
        "paid_at": "2026-03-01T09:00:00Z",
        "items": [],
        "total": "1",
    }
    return _template(template_id="billing.receipt", variables={**required, **variables})


def _file(**changes: Any) -> dict[str, Any]:
    good = {"filename": "a.pdf", "content_type": "application/pdf", "content_base64": "AAEC"}
    return _payload(
        attachments=[{k: v for k, v in {**good, **changes}.items() if v is not _ABSENT}]
    )


# (failure code, changes to the fields)
STATIC: list[tuple[str, dict[str, Any]]] = [
    *[("missing_field", {name: None}) for name in ("delivery_id", "source", "payload_json")],
    ("unknown_field", {"colour": "red"}),
    ("unknown_field", {"Delivery_id": "x"}),
    *[("invalid_delivery_id", {"delivery_id": v}) for v in ("", "a b", "é", "x" * 129, b"\xff")],
    *[("invalid_source", {"source": v}) for v in ("authsession", "", "Notification", b"\xff")],
    *[("invalid_payload_mode", {"payload_mode": v}) for v in ("", "html", "RENDERED")],
    *[("invalid_idempotency_key", {"idempotency_key": v}) for v in ("", "a b", "k" * 256, "é")],
    *[("invalid_requested_at", {"requested_at_ms": v}) for v in ("", "now", "-1", "1", "9" * 15)],
    *[
        ("invalid_payload_json", {"payload": v})
        for v in (
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff",
            b'{"to": NaN}',
            b'{"to": [], "to": []}',
            b'{"a": ' + b"9" * 5000 + b"}",
            b'{"a": ' + b"[" * 100_000 + b"}",
            b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
            _payload(colour="red"),
            _payload(template_id="auth.login_code"),
            _template(subject="S"),
            _template(variables=[]),
        )
    ],
    *[
        ("invalid_recipient", {"payload": _payload(to=v)})
        for v in (
            _ABSENT,
            [],
            "ada@example.org",
            ["no address"],
            ["a@b@example.org"],
            ["ada@example.org\r\nBcc: eve@example.org"],
            [{"email": "ada@example.org", "name": "a\nb"}],
            [{"name": "Ada"}],
            [{"email": "ada@example.org", "role": "x"}],
            ["a@example.org"] * 101,
            ["x" * 65 + "@example.org"],
            [7],
        )
    ],
    *[
        ("invalid_recipient", {"payload": _payload(**{g: ["?"]})})
        for g in ("cc", "bcc", "reply_to")
    ],
    *[
        ("invalid_subject", {"payload": _payload(subject=v)})
        for v in (_ABSENT, "", " ", 7, "a\r\nBcc: x", "a\x00", "\ud800", "s" * 999)
    ],
    *[
        ("invalid_body", {"payload": _payload(**{name: v})})
        for name, v in (
            ("text_body", _ABSENT),
            ("text_body", ""),
            ("text_body", 7),
            ("text_body", "a\x00b"),
            ("text_body", "\ud800"),
            ("html_body", ""),
            ("html_body", ["x"]),
        )
    ],
    *[
        ("invalid_attachment", {"payload": v})
        for v in (
            _payload(attachments={}),
            _payload(attachments=["x"]),
            _file(filename=""),
            _file(filename="a\nb"),
            _file(filename="../a"),
            _file(content_type="pdf"),
            _file(content_type="text/plain; charset=x"),
            _file(content_type="multipart/mixed"),
            _file(content_base64="?"),
            _file(content_base64="AAE"),
            _file(content_base64=_ABSENT),
            _file(size=3),
        )
    ],
    *[
        ("invalid_header", {"payload": _payload(headers=v)})
        for v in (
            [],
            {"Subject": "x"},
            {"Bcc": "eve@example.org"},
            {"X-A:": "x"},
            {"Li\u017ft-Id": "x"},  # a long s, which ignoring case makes an s
            {"X-A": "a\r\nBcc: eve@example.org"},
            {"X-A": ""},
            {"X-A": 7},
            {"X-A": "1", "x-a": "2"},
            {"References": "not-an-id"},
            {"Auto-Submitted": "yes; no"},
            {"X-A": "v" * 999},
        )
    ],
    *[
        ("invalid_locale", {"payload": _template(locale=v)})
        for v in ("", "english!", "de_AT", 7, None, "-")
    ],
    *[
        ("invalid_schedule", {"payload": _payload(**v)})
        for v in (
            {"send_at": "tomorrow"},
            {"send_at": 7},
            {"send_at": None},
            {"send_at": "2026-11-24T10:00:00"},
            {"send_at": "2026-02-30T10:00:00Z"},
            {"expires_at": "1999-01-01T00:00:00Z"},
            {"send_at": "2026-11-24T10:00:00Z", "expires_at": "2026-11-24T10:00:00+00:00"},
        )
    ],
    ("template_not_found", {"payload": _template(template_id=_ABSENT)}),
    ("template_not_found", {"payload": _template(template_id=7)}),
    ("template_variable_missing", {"payload": _template(variables=_ABSENT)}),
]

# What only the clock, the catalog or the database can tell
LATE: list[tuple[str, dict[str, Any]]] = [
    ("invalid_schedule", {"payload": _payload(send_at="2150-01-01T00:00:00Z")}),
    ("template_not_found", {"payload": _template(template_id="no.such")}),
    ("template_not_found", {"payload": _template(template_id="../auth.login_code")}),
    ("template_variable_missing", {"payload": _template(variables={})}),
    ("template_variable_missing", {"payload": _template(variables={"code": None})}),
    ("template_render_failed", {"payload": _template(variables={"code": "1\x00"})}),
    ("template_render_failed", {"payload": _template(variables={"code": "\ud800"})}),
    *[
        ("unstorable", {"payload": _receipt(tax={"label": "VAT", "amount": "1", "unshown": text})})
        for text in ("\x00", ["a\x00b"], "\ud83d", {"\ud83d": 1})
    ],
    ("payload_too_large", {"payload": _payload(text_body="x" * 250_000)}),
    ("payload_too_large", {"payload": b"[" * 400_000}),
]
