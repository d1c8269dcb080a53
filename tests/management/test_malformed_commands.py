"""malformed_commands as an operator types it."""

import io
import json

import pytest
from django.conf import settings

from deliveries.intake import connecting
from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry
from deliveries.intake.malformed import Malformed, store
from deliveries.intake.rejection import Rejection
from deliveries.models import MalformedCommand
from tests.malformed_examples import PAYLOAD, STATIC, fields

pytestmark = pytest.mark.django_db(transaction=True)

NO_ADDRESS = {**PAYLOAD, "to": [{"email": "ada@example.org"}, {"email": "nobody"}]}


@pytest.fixture
def reject(redis_client, transactional_db):
    """Put an entry on the stream and have it rejected; returns its id."""

    def put(number=1, **changes):
        entry_fields = fields(number, **changes)
        stream = settings.MAIL.redis_command_stream
        entry = StreamEntry(
            entry_id=redis_client.xadd(stream, entry_fields).decode(),
            fields=tuple(entry_fields.items()),
        )
        with pytest.raises(Rejection) as rejected:
            parse_entry(entry=entry, max_payload_bytes=settings.MAIL.max_payload_bytes)
        store(stream=stream, malformed=[Malformed(entry, rejected.value)])
        return entry.entry_id

    return put


@pytest.fixture
def entries(redis_client):
    """What lies on the stream, the first put aside."""

    def read():
        found = redis_client.xrange(settings.MAIL.redis_command_stream)
        return [dict(entry_fields) for _, entry_fields in found][1:]

    return read


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "corrected.json"
        path.write_text(json.dumps(content))
        return path

    return write


class TestList:
    def test_newest_first(self, manage, reject):
        first = reject(1, payload=NO_ADDRESS)
        second = reject(2, source="nobody")
        status, out, err = manage("malformed_commands")

        assert (status, err) == (0, "")
        lines = [line.split() for line in out.splitlines()]
        assert lines[0][0] == "stream_entry_id"
        assert [line[0] for line in lines[1:]] == [second, first]
        assert lines[1][2:4] == ["invalid_source", "d-2"]

    def test_pages(self, manage, reject):
        ids = [reject(number, source="nobody") for number in range(3)]
        _, out, _ = manage("malformed_commands", "--limit", "2")
        more = out.splitlines()[-1].split()
        _, out, _ = manage("malformed_commands", "--json", *more[1:])
        assert [item["stream_entry_id"] for item in json.loads(out)["items"]] == [ids[0]]

    def test_none(self, manage, transactional_db):
        assert manage("malformed_commands") == (0, "No malformed commands.\n", "")


class TestShow:
    def test_what_is_wrong_where(self, manage, reject):
        entry_id = reject(payload=NO_ADDRESS)
        status, out, err = manage("malformed_commands", entry_id)

        assert (status, err) == (0, "")
        shown = dict(line.split(maxsplit=1) for line in out.splitlines()[:7])
        assert shown["entry"].startswith(f"{entry_id} on ")
        assert shown["failure"] == "invalid_recipient"
        assert shown["where"] == "payload_json: to[1].email"
        assert shown["there"] == "nobody"
        assert shown["kept"] == "all that it said"
        assert "delivery_id: d-1" in out
        assert '"email": "nobody"' in out

    @pytest.mark.parametrize(("code", "changes"), STATIC)
    def test_anything_that_can_be_rejected_can_be_shown(self, manage, reject, code, changes):
        entry_id = reject(**changes)
        status, out, err = manage("malformed_commands", entry_id)

        assert (status, err) == (0, "")
        assert code in out
        assert out.replace("\n", "").isprintable()
        told = json.loads(manage("malformed_commands", entry_id, "--json")[1])
        assert told["failure_code"] == code

    def test_a_producer_cannot_drive_the_terminal(self, manage, reject):
        entry_id = reject(delivery_id="a\x1b[2Jb\nc")
        _, out, _ = manage("malformed_commands", entry_id)
        assert "a\\x1b[2Jb\\nc" in out

    def test_long_texts_are_cut(self, manage, reject):
        entry_id = reject(payload={**NO_ADDRESS, "text_body": "x" * 5000})
        _, out, _ = manage("malformed_commands", entry_id)
        assert "x... (5000 characters)" in out
        assert len(out) < 2000

    def test_of_a_login_code_no_payload(self, manage, reject):
        entry_id = reject(source="authsession", payload={**PAYLOAD, "text_body": "Code 492817"})
        for form in ([], ["--json"]):
            status, out, _ = manage("malformed_commands", entry_id, *form)
            assert status == 0
            assert "492817" not in out
            assert "ada@" not in out
        status, out, _ = manage("malformed_commands", entry_id, "--fields")
        assert (status, out) == (1, "")

    def test_erased(self, manage, reject):
        entry_id = reject(payload=NO_ADDRESS)
        MalformedCommand.objects.update(raw_fields=None)
        status, out, _ = manage("malformed_commands", entry_id)
        assert status == 0
        assert "nothing of its fields: they are erased" in out

    def test_unknown(self, manage, transactional_db):
        assert manage("malformed_commands", "1-1") == (
            1,
            "",
            "CommandError: there is no malformed command 1-1\n",
        )


class TestReplay:
    def test_corrected_under_its_key(self, manage, reject, entries, file):
        entry_id = reject(payload=NO_ADDRESS)
        status, out, err = manage(
            "malformed_commands", entry_id, "--replay", file({"payload_json": PAYLOAD})
        )

        assert (status, err) == (0, "")
        assert out.startswith("on the stream again: entry ")
        [entry] = entries()
        assert entry[b"idempotency_key"] == b"key-1"
        assert entry[b"delivery_id"] == b"d-1"
        assert json.loads(entry[b"payload_json"]) == PAYLOAD

    def test_the_printed_fields_corrected(self, manage, reject, entries, monkeypatch):
        entry_id = reject(payload=NO_ADDRESS)
        _, out, _ = manage("malformed_commands", entry_id, "--fields")
        corrected = out.replace("nobody", "nobody@example.org")
        monkeypatch.setattr("sys.stdin", io.StringIO(corrected))
        assert manage("malformed_commands", entry_id, "--replay", "-")[0] == 0
        assert len(entries()) == 1

    def test_a_field_taken_out(self, manage, reject, entries, file):
        entry_id = reject(colour="red")
        assert manage("malformed_commands", entry_id, "--replay", file({"colour": None}))[0] == 0
        [entry] = entries()
        assert b"colour" not in entry

    def test_what_is_still_wrong_is_not_put_there(self, manage, reject, entries, file):
        entry_id = reject(payload=NO_ADDRESS)
        status, out, err = manage("malformed_commands", entry_id, "--replay", file({}))

        assert (status, out) == (1, "")
        assert err.startswith("CommandError: invalid_recipient: to[1].email")
        assert entries() == []

    def test_another_key_is_refused(self, manage, reject, entries, file):
        entry_id = reject(payload=NO_ADDRESS)
        change = {"payload_json": PAYLOAD, "idempotency_key": "another"}
        status, _, err = manage("malformed_commands", entry_id, "--replay", file(change))

        assert status == 1
        assert err == "CommandError: idempotency_key: a replay keeps the key of the original\n"
        assert entries() == []

    @pytest.mark.parametrize("wrong", ["a b", None])
    def test_a_key_that_was_the_fault_is_corrected(self, manage, reject, entries, file, wrong):
        entry_id = reject(idempotency_key=wrong)
        change = {"idempotency_key": "right"}
        assert manage("malformed_commands", entry_id, "--replay", file(change))[0] == 0
        assert entries()[0][b"idempotency_key"] == b"right"

    @pytest.mark.parametrize("lost", ["cut", "erased"])
    def test_what_is_not_kept_comes_from_the_stream(
        self, manage, reject, entries, file, redis_client, lost
    ):
        long = {**NO_ADDRESS, "text_body": "x" * (70_000 if lost == "cut" else 7)}
        entry_id = reject(payload=long)
        if lost == "erased":
            MalformedCommand.objects.update(raw_fields=None)
        else:
            assert "its first 64 KiB" in manage("malformed_commands", entry_id)[1]
        told = json.loads(manage("malformed_commands", entry_id, "--fields")[1])
        assert told["payload_json"] == long
        change = file({"payload_json": {**long, "to": ["a@example.org"]}})
        assert manage("malformed_commands", entry_id, "--replay", change)[0] == 0
        assert entries()[0][b"idempotency_key"] == b"key-1"

        redis_client.xdel(settings.MAIL.redis_command_stream, entry_id)
        status, out, err = manage("malformed_commands", entry_id, "--replay", change)
        assert (status, out) == (1, "")
        assert "the stream no longer has it" in err

    @pytest.mark.parametrize("after", [0, 1])
    def test_the_right_entry_of_a_millisecond(self, manage, reject, redis_client, after):
        """Only the very entry counts, not its neighbour."""
        entry_id = reject(payload=NO_ADDRESS)
        MalformedCommand.objects.update(raw_fields=None)
        ms, _, seq = entry_id.partition("-")
        redis_client.xdel(settings.MAIL.redis_command_stream, entry_id)
        redis_client.xadd(
            settings.MAIL.redis_command_stream, fields(9), id=f"{ms}-{int(seq) + 1 + after}"
        )
        assert manage("malformed_commands", entry_id, "--fields")[0] == 1

    def test_a_file_that_cannot_be_read(self, manage, reject, tmp_path):
        entry_id = reject(payload=NO_ADDRESS)
        status, _, err = manage("malformed_commands", entry_id, "--replay", tmp_path / "none")
        assert status == 1
        assert "cannot be read" in err

    def test_no_redis(self, manage, reject, file, monkeypatch):
        entry_id = reject(payload=NO_ADDRESS)
        MalformedCommand.objects.update(raw_fields=None)

        class Away:
            def register_script(self, _script):
                def run(**_):
                    raise OSError

                return run

        monkeypatch.setattr(connecting, "get_redis_connection", lambda _alias: Away())
        status, out, err = manage("malformed_commands", entry_id, "--replay", file({}))
        assert (status, out) == (69, "")
        assert "does not answer (OSError)" in err


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["--fields"], ["--replay", "f"], ["1-1", "--fields", "--replay", "f"]],
)
def test_typing_errors(manage, transactional_db, arguments):
    status, out, _ = manage("malformed_commands", *arguments)
    assert (status, out) == (2, "")


def test_no_database(manage, no_database):
    assert manage("malformed_commands")[0] == 69
    assert manage("malformed_commands", "1-1")[0] == 69
