"""A malformed command for a person who is to correct it: what is wrong, where, and what it said."""

import json
import re
from typing import Any

from deliveries.intake.members import load_json
from deliveries.intake.rejection import Rejection
from deliveries.intake.replaying import Fields, Kept
from deliveries.management.tables import cell
from deliveries.printing import printable
from deliveries.states import Source

HIDDEN = "not shown: by its source it is a login code"
_PAYLOAD = b"payload_json"
_LONGEST = 200
# as rejections name a member: to[1].email
_PLACE = re.compile(r"[A-Za-z_]\w*(?:\[\d+\]|\.[A-Za-z_]\w*)*(?=:)")
_STEP = re.compile(r"\[(\d+)\]|\.?([A-Za-z_]\w*)")
_NOTHING = object()


def describe_malformed(kept: Kept) -> str:
    place, found = where(kept)
    facts = {
        "entry": f"{kept.entry_id} on {kept.stream}",
        "recorded": cell(kept.recorded_at),
        "failure": kept.failure_code,
        "wrong": kept.failure_message,
        **({"where": place} if place else {}),
        **({} if found is _NOTHING else {"there": _short(found)}),
        "kept": _completeness(kept),
    }
    width = max(map(len, facts)) + 2
    lines = [f"{name.ljust(width)}{printable(value)}" for name, value in facts.items()]
    if kept.fields:
        lines += ["", *_fields(kept)]
    return "\n".join(lines)


def where(kept: Kept) -> tuple[str | None, Any]:
    """The field or member that is wrong, and what stands there; its marker where nothing does."""
    match = _PLACE.match(kept.failure_message)
    if match is None or kept.fields is None:
        return None, _NOTHING
    place = match[0]
    fields = dict(kept.fields)
    if (raw := fields.get(place.encode())) is not None:
        hidden = place.encode() == _PAYLOAD
        return place, _NOTHING if hidden else raw.decode("utf-8", "replace")
    if is_login_code(kept):
        return f"payload_json: {place}", _NOTHING
    found = _member(_parsed(fields.get(_PAYLOAD, b"")), place)
    return (place if found is _NOTHING else f"payload_json: {place}"), found


def as_object(fields: Fields) -> dict[str, Any]:
    """The fields as `--replay` and `publish_command --file` take them."""
    made: dict[str, Any] = {}
    for name, value in fields:
        parsed = _parsed(value) if name == _PAYLOAD else None
        text = value.decode("utf-8", "replace")
        made[name.decode("utf-8", "replace")] = parsed if isinstance(parsed, dict) else text
    return made


def is_login_code(kept: Kept) -> bool:
    """Nobody may put one on the stream; whoever has done so has put a code there."""
    return kept.source == Source.AUTHSESSION


def _completeness(kept: Kept) -> str:
    if kept.fields is None:
        return "nothing of its fields: they are erased"
    return "its first 64 KiB" if kept.is_cut else "all that it said"


def _fields(kept: Kept) -> list[str]:
    lines = []
    for name, value in kept.fields or ():
        label = printable(name.decode("utf-8", "replace"))
        if name != _PAYLOAD:
            lines.append(f"{label}: {_short(value.decode('utf-8', 'replace'))}")
        elif is_login_code(kept):
            lines.append(f"{label}: {HIDDEN}")
        else:
            lines += [f"{label}:", *_payload(value)]
    return lines


def _payload(value: bytes) -> list[str]:
    parsed = _parsed(value)
    if parsed is _NOTHING:
        return [f"  {_short(value.decode('utf-8', 'replace'))}"]
    shown = json.dumps(_shortened(parsed), indent=2, ensure_ascii=False)
    return [f"  {printable(line)}" for line in shown.split("\n")]


def _parsed(value: bytes) -> Any:
    """The payload if it is one that can be read as intake reads it."""
    try:
        return load_json(value)
    except Rejection:
        return _NOTHING


def _member(payload: Any, place: str) -> Any:
    found = payload
    for index, name in _STEP.findall(place):
        try:
            found = found[int(index)] if index else found[name]
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return found


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _shortened(value: Any) -> Any:
    """Long texts are cut; nobody looks for bodies and files here."""
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}... ({len(value)} characters)"
    if isinstance(value, dict):
        return {name: _shortened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return value
