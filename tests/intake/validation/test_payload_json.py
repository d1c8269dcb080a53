"""The JSON of a payload: strict, bounded, and quiet about what it held."""

import json
import string
import subprocess
import sys
import traceback
from itertools import islice, product

import pytest

from deliveries.intake.command import parse_entry
from deliveries.intake.members import load_json
from deliveries.intake.rejection import Rejection
from tests.factories import (
    MAX_PAYLOAD_BYTES,
    CommandFactory,
    RenderedPayloadFactory,
    StreamEntryFactory,
    TemplatePayloadFactory,
)


def with_variable(value):
    """A template payload whose variable `x` is this JSON."""
    return json.dumps(TemplatePayloadFactory(variables={"x": "?"})).replace('"?"', value).encode()


def parse(payload, **changes):
    entry = StreamEntryFactory(payload=payload, changes=changes)
    return parse_entry(entry=entry, max_payload_bytes=MAX_PAYLOAD_BYTES)


@pytest.mark.parametrize(
    "value",
    [
        "1e400",
        "-1e400",
        "[1, [1e999]]",
        "NaN",
        "Infinity",
        "-Infinity",
        "9" * 5000,
        '{"a": 1, "a": 1}',
        '[{"b": {"a": 1, "\\u0061": 2}}]',
        "[1,]",
        "01",
        "'x'",
        "\x01",
        '"\n"',
        "// x",
        "[" * 63 + "]" * 63,
        "[" * 2000 + "]" * 2000,
        "[" * 100_000,
    ],
)
def test_refused_json(value):
    with pytest.raises(Rejection) as caught:
        parse(with_variable(value), payload_mode="template")
    assert caught.value.code == "invalid_payload_json"


@pytest.mark.parametrize(
    "value",
    ["1e308", "5e-400", "9" * 4000, "-0.0", "null", '"\\u0000"', "[" * 62 + "]" * 62],
)
def test_what_json_may_hold(value):
    # NUL in a variable is for the database to refuse: a template may not use the variable at all
    assert "x" in parse(with_variable(value), payload_mode="template").members.content.variables


@pytest.mark.parametrize("raw", [b'\xef\xbb\xbf{"to":[]}', b"\xff\xfe{\x00}\x00", b"{} {}", b" "])
def test_only_one_object_in_utf8_without_a_mark(raw):
    with pytest.raises(Rejection) as caught:
        load_json(raw)
    assert caught.value.code == "invalid_payload_json"


def test_a_payload_of_the_largest_size_and_of_one_byte_more():
    payload = json.dumps(RenderedPayloadFactory()).encode()
    assert parse(payload.ljust(MAX_PAYLOAD_BYTES)).members.to
    with pytest.raises(Rejection) as caught:
        parse(payload.ljust(MAX_PAYLOAD_BYTES + 1))
    assert caught.value.code == "payload_too_large"


@pytest.mark.parametrize(("value", "most"), [("1", 99_000), ('""', 99_000), ("[]", 49_000)])
def test_no_more_values_than_memory_is_for(value, most):
    def variables(number):
        return with_variable(f"[{','.join([value] * number)}]")

    assert parse(variables(most), payload_mode="template")
    with pytest.raises(Rejection, match="more than 100000 values"):
        parse(variables(100_001), payload_mode="template")


def test_a_member_of_the_other_mode_is_named_and_any_other_is_not():
    with pytest.raises(Rejection, match="payload_json: subject") as caught:
        CommandFactory(payload=TemplatePayloadFactory(subject="x"))
    assert caught.value.code == "invalid_payload_json"
    with pytest.raises(Rejection, match="1 unknown member") as caught:
        CommandFactory(payload=RenderedPayloadFactory(ada_lovelace="x"))
    assert "ada_lovelace" not in caught.value.message


SECRET = "s3cr3t"
WRONG = [SECRET, f"{SECRET}\n", [SECRET], {SECRET: SECRET}, [{SECRET: SECRET}], [f"{SECRET}\r@x.y"]]


_KNOWN = (
    *("to", "cc", "bcc", "reply_to", "attachments", "headers", "send_at", "expires_at"),
    *("subject", "text_body", "html_body", "template_id", "locale", "variables"),
)


def rejection_of(payload):
    try:
        CommandFactory(payload=payload)
    except Rejection as rejection:
        return rejection
    return None


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("made", [RenderedPayloadFactory, TemplatePayloadFactory])
def test_no_rejection_tells_what_was_given(made, wrong):
    rejections = [rejection_of({**made(), member: wrong}) for member in (*_KNOWN, SECRET)]
    found = [rejection for rejection in rejections if rejection is not None]
    assert len(found) > len(_KNOWN) / 2
    for rejection in found:
        told = "".join(traceback.format_exception(rejection)) + repr(rejection)
        assert SECRET not in told
        assert rejection.message.isprintable()
        assert len(rejection.message) <= 500


CHILD = """
import resource, sys
from deliveries.intake.command import parse_entry
from tests.factories import StreamEntryFactory
entry = StreamEntryFactory(payload=sys.stdin.buffer.read(), changes={"payload_mode": "template"})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
parse_entry(entry=entry, max_payload_bytes=10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def short_keys():
    letters = string.ascii_letters + string.digits + "-_!#$%&()*+./:;<=>?@[]^`{|}~"
    keys = islice(product(letters, repeat=3), 99_000)
    return "{" + ",".join(f'"{"".join(key)}{"x" * 40}":1' for key in keys) + "}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "value", [short_keys, lambda: "[" + ",".join(['"' + "\u0100" * 23 + '"'] * 99_000) + "]"]
)
def test_the_costliest_payloads_keep_the_consumer_in_its_memory(value):
    payload = with_variable(value())
    assert 4_500_000 < len(payload) <= MAX_PAYLOAD_BYTES
    run = subprocess.run(
        [sys.executable, "-c", CHILD], input=payload, capture_output=True, timeout=60, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < 150 * 1024 * 1024
