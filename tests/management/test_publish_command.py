"""publish_command as an operator runs it."""

import io
import json
import time
import uuid
from dataclasses import replace
from functools import partial

import pytest
import redis

from deliveries.intake import publishing
from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry

PLAIN = ("--to", "a@example.org", "--subject", "Hello", "--text", "Text")


@pytest.fixture
def run(manage):
    return partial(manage, "publish_command")


@pytest.fixture
def stream(redis_client, settings):
    """The entries on the stream: id and fields."""

    def entries():
        return [
            (entry_id.decode(), fields)
            for entry_id, fields in redis_client.xrange(settings.MAIL.redis_command_stream)
        ]

    return entries


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "command.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def parsed(entry):
    entry_id, fields = entry
    stream_entry = StreamEntry(entry_id=entry_id, fields=tuple(fields.items()))
    return parse_entry(entry=stream_entry, max_payload_bytes=1_000_000)


def command(**changes):
    payload = {"to": ["a@example.org"], "subject": "Hello", "text_body": "Text"}
    return {"payload_mode": "rendered", "payload_json": payload, **changes}


class TestFlags:
    def test_rendered(self, run, stream):
        before = time.time_ns() // 1_000_000
        status, out, err = run(
            *PLAIN, "--to", "b@example.org", "--cc", "c@example.org", "--html", "<p>Ä</p>"
        )

        assert (status, err) == (0, "")
        [entry] = stream()
        found = parsed(entry)
        assert out == f'entry {entry[0]}, delivery "{found.delivery_id}"\n'
        assert [box.address for box in found.members.to] == ["a@example.org", "b@example.org"]
        assert [box.address for box in found.members.cc] == ["c@example.org"]
        assert found.members.content.html_body == "<p>Ä</p>"
        assert before <= int(entry[1][b"requested_at_ms"]) <= time.time_ns() // 1_000_000

    def test_ids_are_fresh(self, run, stream):
        run(*PLAIN)
        run(*PLAIN)

        commands = [parsed(entry) for entry in stream()]
        ids = [name for c in commands for name in (c.delivery_id, c.idempotency_key)]
        assert len(set(ids)) == 4
        assert all(str(uuid.UUID(name)) == name for name in ids)

    def test_given_ids(self, run, stream):
        flags = ("--delivery-id", "d-1", "--idempotency-key", "k-1", "--request-id", "r-1")
        status, out, _ = run(*PLAIN, *flags, "--json")

        [entry] = stream()
        found = parsed(entry)
        assert status == 0
        assert (found.delivery_id, found.idempotency_key, found.request_id) == ("d-1", "k-1", "r-1")
        told = json.loads(out)
        assert (told["entry_id"], told["delivery_id"]) == (entry[0], "d-1")

    def test_template(self, run, stream, file):
        path = file({"code": "7"})
        flags = ("--template-id", "auth.login_code", "--locale", "de", "--variables", path)
        status, _, _ = run("--to", "a@example.org", *flags)

        assert status == 0
        content = parsed(stream()[0]).members.content
        assert (content.template_id, content.locale) == ("auth.login_code", "de")
        assert content.variables == {"code": "7"}


class TestFile:
    def test_fields_of_an_entry(self, run, stream, file):
        path = file(
            command(delivery_id="d-1", requested_at_ms=1_772_438_400_000, source="notification")
        )
        status, _, err = run("--file", path)

        assert (status, err) == (0, "")
        [(_, fields)] = stream()
        assert fields[b"delivery_id"] == b"d-1"
        assert fields[b"requested_at_ms"] == b"1772438400000"
        assert json.loads(fields[b"payload_json"]) == command()["payload_json"]

    def test_standard_input(self, run, stream, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(command())))

        assert run("--file", "-")[0] == 0
        assert len(stream()) == 1

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", ":1: is not JSON: Expecting value"),
            ("[1]", ": is not a JSON object"),
            ('{"a": 1, "a": 2}', ": gives a member twice"),
            ("[" * 100_000, ": is not JSON in UTF-8 that can be read"),
        ],
    )
    @pytest.mark.parametrize("flag", ["--file", "--variables"])
    def test_what_cannot_be_read(self, run, stream, file, content, said, flag):
        path = file(content)
        status, out, err = run(flag, path)

        assert (status, out) == (1, "")
        assert err == f"CommandError: {path}{said}\n"
        assert stream() == []

    def test_missing_file(self, run, redis_client, tmp_path):
        path = tmp_path / "nothing.json"
        status, _, err = run("--file", path)

        assert status == 1
        assert f"{path}: cannot be read: No such file or directory" in err

    @pytest.mark.parametrize("value", [None, True, 1.5, ["d"]])
    def test_field_that_is_no_text(self, run, stream, file, value):
        status, _, err = run("--file", file(command(delivery_id=value)), "--unchecked")

        assert status == 1
        assert err == 'CommandError: "delivery_id": must be text or a whole number\n'
        assert stream() == []

    def test_flags_beside_it(self, run, stream, file):
        status, _, err = run("--file", file(command()), "--delivery-id", "d-1")

        assert status == 1
        assert "--delivery-id: goes with the other flags, not with --file" in err
        assert stream() == []


WRONG = [
    (command(delivery_id="a b"), "invalid_delivery_id: delivery_id: must match"),
    (command(source="authsession"), "invalid_source: source: must be notification"),
    (command(extra="s3cret"), "unknown_field: the entry has a field that is not known"),
    (command(payload_json="s3cret"), "invalid_payload_json: payload_json: is not JSON"),
    (command(payload_json={"to": ["s3cret"]}), "invalid_recipient: "),
    (command(payload_json={"subject": "\ud800"}), "invalid_payload_json: "),
    ({"payload_mode": "rendered"}, "missing_field: payload_json: is missing"),
]


class TestCheck:
    @pytest.mark.parametrize(("content", "said"), WRONG)
    def test_wrong_command_is_not_published(self, run, stream, file, content, said):
        status, out, err = run("--file", file(content))

        assert (status, out) == (1, "")
        assert err.startswith(f"CommandError: {said}")
        assert err.count("\n") == 1
        assert "s3cret" not in err
        assert stream() == []

    @pytest.mark.parametrize(("content", "said"), WRONG)
    def test_unchecked(self, run, stream, file, content, said):
        status, _, err = run("--file", file(content), "--unchecked")

        assert (status, err) == (0, "")
        assert len(stream()) == 1

    def test_too_large(self, run, stream, settings):
        settings.MAIL = replace(settings.MAIL, max_payload_bytes=10)
        status, _, err = run(*PLAIN)

        assert status == 1
        assert "payload_too_large" in err
        assert stream() == []


def test_no_redis(run, monkeypatch):
    # port 1 of this host: nothing listens there
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=2.0)
    monkeypatch.setattr(publishing, "get_redis_connection", lambda _alias: away)
    status, out, err = run(*PLAIN)
    away.close()

    assert (status, out) == (69, "")
    assert "did not confirm the entry (ConnectionError)" in err
    assert err.count("\n") == 1
