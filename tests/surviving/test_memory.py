"""The consumer stays under 256 MB whatever lies on the stream."""

import json
import sys
from pathlib import Path

import pytest

from deliveries.models import MalformedCommand
from tests.malformed_examples import PAYLOAD, TEMPLATE, fields
from tests.stack.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MOST_KILOBYTES = 256 * 1024
_COPIES = 3  # so that one is in hand while the next is read
LARGEST = 5 * 1024 * 1024  # the default of MAIL_MAX_PAYLOAD_BYTES


def filled(template: dict, member: str, unit: str, *, opening="[", closing="]") -> bytes:
    """A payload of the largest size, its `member` made of as many units as fit."""
    raw = json.dumps({**template, member: None}).encode()
    head, tail = raw.split(b"null")
    room = LARGEST - len(head) - len(tail) - len(opening) - len(closing)
    units = unit * (room // len(unit.encode()))
    return head + f"{opening}{units.rstrip(',')}{closing}".encode() + tail


def numbered(template: dict, member: str, form: str) -> bytes:
    """The same with units that are all different."""
    raw = json.dumps({**template, member: None}).encode()
    head, tail = raw.split(b"null")
    parts, size, number = [], len(head) + len(tail) + 2, 0
    while size < LARGEST - 64:
        parts.append(form.format(number))
        size += len(parts[-1]) + 1
        number += 1
    return head + b"{" + ",".join(parts).encode() + b"}" + tail


@pytest.fixture(scope="module")
def worst():
    """120 MB, which only the process that runs these tests makes."""
    return {
        "one long text": filled(PAYLOAD, "text_body", "x", opening='"', closing='"'),
        "one long text of wide characters": filled(
            PAYLOAD, "text_body", "\N{GRINNING FACE}" * 100, opening='"', closing='"'
        ),
        "one long text of escapes": filled(
            PAYLOAD, "text_body", "\\ud83d\\ude00", opening='"', closing='"'
        ),
        "one long attachment": filled(
            PAYLOAD,
            "attachments",
            "AAAA",
            opening='[{"filename": "a.pdf", "content_type": "application/pdf", "content_base64": "',
            closing='"}]',
        ),
        **{
            f"many {name}": filled(TEMPLATE, "variables", unit, opening='{"code": [', closing="]}")
            for name, unit in {
                "lists": "[],",
                "objects": "{},",
                "lists of numbers": "[1,2,3],",
                "objects of one": '{"a":1},',
                "numbers": "1234567,",
                "small numbers": "1,",
                "floats": "1.5,",
                "texts": '"\\u00e9",',
                "empty texts": '"",',
            }.items()
        },
        "almost too many lists": filled(
            TEMPLATE, "variables", "[1111111,2222222,333],", opening='{"code": [', closing="]}"
        ),
        "many small lists": filled(
            TEMPLATE, "variables", "[1,2,3],", opening='{"code": [', closing="]}"
        ),
        "many numbers": filled(
            TEMPLATE, "variables", "1234567,", opening='{"code": [', closing="]}"
        ),
        "many floats": filled(TEMPLATE, "variables", "1.5,", opening='{"code": [', closing="]}"),
        "many texts": filled(
            TEMPLATE, "variables", '"\\u00e9",', opening='{"code": [', closing="]}"
        ),
        "as many members as may be": numbered(TEMPLATE, "variables", '"{:048x}":1.5'),
        "as many objects as may be": filled(
            TEMPLATE,
            "variables",
            '{"a":1234567890123456789012345678901234567890.5,"b":123456789012345678901234567890123456},',
            opening='{"code": [',
            closing="]}",
        ),
        "many members": numbered(TEMPLATE, "variables", '"{:x}":1'),
        "many addresses": filled(PAYLOAD, "to", '"a@b.example",'),
        "many headers": numbered(PAYLOAD, "headers", '"X-{:x}":"a"'),
    }


def peak_kilobytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def test_the_worst_payloads_one_after_the_other(world, worst, capsys):
    (consumer,) = world.start("consume_commands")
    peaks = {"at rest": peak_kilobytes(consumer.pid)}
    for number, (name, raw) in enumerate(worst.items(), start=1):
        assert LARGEST - 1024 < len(raw) <= LARGEST, name
        Path(f"/proc/{consumer.pid}/clear_refs").write_text("5")  # the peak begins anew
        for copy in range(_COPIES):
            command = fields(f"{number}-{copy}", payload=raw, payload_mode=mode_of(raw))
            world.client.xadd(world.stream, command)
        wait_until(lambda n=number: has_finished(world, n * _COPIES))
        peaks[name] = peak_kilobytes(consumer.pid)
    with capsys.disabled():
        told = "".join(f"\n{kb / 1024:7.1f} MB  {name}" for name, kb in peaks.items())
        sys.stdout.write(f"{told}\n")
    assert {name: kb for name, kb in peaks.items() if kb >= MOST_KILOBYTES} == {}
    ended = len(world.statuses) + MalformedCommand.objects.count()
    assert ended == len(worst) * _COPIES


def has_finished(world, entries):
    return world.cursor is not None and world.cursor.entries_finished == entries


def mode_of(raw: bytes) -> str:
    return "template" if b"template_id" in raw[:200] else "rendered"


def test_many_entries_of_any_size_at_once(world, worst):
    """Batches are bounded in bytes: a full backlog is there before the consumer starts."""
    for number in range(12):
        raw = list(worst.values())[number % 3]
        world.client.xadd(world.stream, fields(f"large-{number}", payload=raw))
    for number in range(2000):
        world.client.xadd(world.stream, fields(number))
    world.client.xadd(world.stream, fields("huge", payload=b'"' + b"x" * 40_000_000 + b'"'))
    (consumer,) = world.start("consume_commands")
    wait_until(lambda: has_finished(world, 2013), seconds=120)
    assert peak_kilobytes(consumer.pid) < MOST_KILOBYTES
