"""What makes two commands the same: a keyed digest of mode and payload. Pure."""

import hmac
import json
from collections.abc import Sequence
from typing import Any

_VERSION = b"1"


def canonical(payload: dict[str, Any]) -> bytes:
    """The payload's one form: members sorted, no white space, numbers by their value and kind.

    `1.0`, `1.00` and `10e-1` are one; `1` is another, because it may mean something else to a
    template.
    """
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii")


def fingerprint(*, key: bytes, mode: str, canonical: bytes) -> bytes:
    """HMAC-SHA256 over a version, the mode and the canonical payload: 32 bytes.

    `mode` is a command's payload mode, or names the other kind of request.

    Keyed, because a payload may hold little that cannot be guessed, such as a code of six digits.
    """
    parts = (_VERSION, mode.encode(), canonical)
    message = b"".join(piece for part in parts for piece in (len(part).to_bytes(8, "big"), part))
    return hmac.digest(key, message, "sha256")


def matches(*, stored: bytes, keys: Sequence[bytes], mode: str, canonical: bytes) -> bool:
    """Whether the payload has this fingerprint under any of the keys, current or rotated out."""
    return any(
        hmac.compare_digest(stored, fingerprint(key=key, mode=mode, canonical=canonical))
        for key in keys
    )
