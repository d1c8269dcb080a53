"""stream_offset as an operator types it."""

import json
import time

import pytest
from django.conf import settings

from deliveries.intake import connecting, position
from deliveries.intake.cursor import adopt
from deliveries.models import Delivery, Leadership, StreamCursor
from tests.malformed_examples import fields

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def publish(redis_client):
    def put(count):
        return [
            redis_client.xadd(settings.MAIL.redis_command_stream, fields(number)).decode()
            for number in range(count)
        ]

    return put


@pytest.fixture
def read_to(transactional_db):
    """A cursor as a consumer leaves it."""

    def read(entry_id):
        adopt(stream=settings.MAIL.redis_command_stream, epoch=1, start=entry_id)

    return read


def cursor():
    return StreamCursor.objects.get().last_entry_id


class TestShow:
    def test_lag_and_gaps(self, manage, publish, read_to, redis_client):
        ids = publish(5)
        read_to(ids[1])
        StreamCursor.objects.update(gap_entries=7, entries_finished=2)
        redis_client.set(settings.MAIL.redis_offset_key, ids[0])
        status, out, err = manage("stream_offset")

        assert (status, err) == (0, "")
        shown = dict(line.split(maxsplit=1) for line in out.splitlines())
        assert shown["cursor"] == ids[1]
        assert shown["published"] == ids[0]
        assert (shown["lag"], shown["gaps"], shown["entries"]) == ("3", "7", "5")
        assert shown["reader"] == "nobody reads it now"

    def test_json(self, manage, publish, read_to):
        ids = publish(3)
        read_to(ids[0])
        told = json.loads(manage("stream_offset", "--json")[1])
        assert (told["cursor"], told["last_entry_id"]) == (ids[0], ids[2])
        assert (told["lag"], told["finished"], told["reader"]) == (2, 0, None)

    @pytest.mark.parametrize("count", [0, 2])
    def test_a_stream_that_was_never_read(self, manage, publish, transactional_db, count):
        publish(count)
        status, out, _ = manage("stream_offset")
        assert status == 0
        assert "none: nothing was read yet" in out
        assert f"lag          {count}\n" in out

    @pytest.mark.parametrize(("count", "lag"), [(700, "699"), (20, "19")])
    def test_counted_in_turns(self, manage, publish, read_to, count, lag):
        read_to(publish(count)[0])
        assert f"lag          {lag}\n" in manage("stream_offset")[1]

    def test_more_than_is_counted(self, manage, publish, read_to, monkeypatch):
        monkeypatch.setattr(position, "MOST_COUNTED", 10)
        monkeypatch.setattr("deliveries.management.commands.stream_offset.MOST_COUNTED", 10)
        read_to(publish(20)[0])
        assert "lag          10 or more\n" in manage("stream_offset")[1]


class TestSet:
    def test_back(self, manage, publish, read_to, redis_client):
        ids = publish(4)
        read_to(ids[3])
        status, out, err = manage("stream_offset", "--set", ids[0], "--yes")

        assert (status, err) == (0, "")
        assert out == (
            f"{settings.MAIL.redis_command_stream} is read on after {ids[0]};"
            f" it was after {ids[3]}\n"
        )
        assert cursor() == ids[0]
        assert redis_client.get(settings.MAIL.redis_offset_key).decode() == ids[0]

    @pytest.mark.parametrize(
        ("word", "place", "accounted"), [("start", None, 0), ("end", 3, 4), ("second", 1, None)]
    )
    def test_words_and_what_is_behind(self, manage, publish, read_to, word, place, accounted):
        ids = publish(4)
        read_to(ids[2])
        target = ids[1] if word == "second" else word
        assert manage("stream_offset", "--set", target, "--yes")[0] == 0
        row = StreamCursor.objects.get()
        assert row.last_entry_id == ("0-0" if place is None else ids[place])
        assert row.entries_accounted == accounted

    def test_of_a_cursor_that_is_no_entry_id(self, manage, publish, read_to):
        ids = publish(2)
        read_to(f"{ids[0]}\n")
        assert "lag          1\n" in manage("stream_offset")[1]
        assert manage("stream_offset", "--set", "start", "--yes")[0] == 0
        assert cursor() == "0-0"

    def test_never_ahead_of_the_stream(self, manage, publish, read_to):
        ids = publish(2)
        read_to(ids[0])
        status, out, err = manage("stream_offset", "--set", "9999999999999-0", "--yes")

        assert (status, out) == (1, "")
        assert "the stream does not reach that far" in err
        assert cursor() == ids[0]

    def test_asks_on_a_terminal_and_does_nothing_elsewhere(
        self, manage, publish, read_to, monkeypatch
    ):
        ids = publish(3)
        read_to(ids[0])
        status, out, err = manage("stream_offset", "--set", "end")
        assert (status, out, cursor()) == (1, "", ids[0])
        assert "nothing was changed; --yes sets it without asking" in err

        monkeypatch.setattr("sys.stdin", _Terminal("no\n"))
        status, _, err = manage("stream_offset", "--set", "end")
        assert (status, cursor()) == (1, ids[0])
        assert "2 entries would never be read" in err

        monkeypatch.setattr("sys.stdin", _Terminal("yes\n"))
        status, _, err = manage("stream_offset", "--set", "start")
        assert (status, cursor()) == (0, "0-0")
        assert "1 entry would be read again" in err

    @pytest.mark.process
    def test_the_running_consumer_follows_at_once(self, manage, publish, service):
        consumer = service.start("consume_commands")
        ids = publish(3)
        _wait(lambda: Delivery.objects.count() == 3)
        Delivery.objects.filter(delivery_id="d-2").update(delivery_id="moved")
        told = json.loads(manage("stream_offset", "--json")[1])
        assert told["reader"]["pid"] == consumer.pid
        assert told["finished"] == 3

        assert manage("stream_offset", "--set", ids[0], "--yes")[0] == 0
        # no entry comes, and yet it reads the two again and knows them
        _wait(lambda: StreamCursor.objects.get().entries_finished == 5)
        assert (cursor(), Delivery.objects.count()) == (ids[2], 3)
        assert StreamCursor.objects.get().gap_entries == 0
        assert Leadership.objects.get(name__startswith="consumer:").epoch == 2
        assert consumer.stop() == 0


class _Terminal:
    def __init__(self, line):
        self._line = line

    def isatty(self):
        return True

    def readline(self):
        return self._line


def _wait(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


@pytest.mark.parametrize("target", ["1772", "tomorrow", "1-", "", f"{2**64}-0"])
def test_typing_errors(manage, redis_client, target):
    status, out, err = manage("stream_offset", "--set", target)
    assert (status, out) == (2, "")
    assert "is neither an entry id nor start nor end" in err


def test_no_redis(manage, publish, read_to, monkeypatch):
    read_to(publish(1)[0])

    class Away:
        def register_script(self, _script):
            return None

        def get(self, _key):
            raise OSError

    monkeypatch.setattr(connecting, "get_redis_connection", lambda _alias: Away())
    status, out, err = manage("stream_offset")
    assert (status, out) == (69, "")
    assert "does not answer (OSError)" in err


def test_redis_refuses(manage, publish, read_to, redis_client):
    read_to(publish(1)[0])
    redis_client.lpush(settings.MAIL.redis_offset_key, "not a string")
    status, out, err = manage("stream_offset")
    assert (status, out) == (69, "")
    assert "answers and refuses what it is asked (ResponseError: WRONGTYPE)" in err
    assert "MAIL_REDIS_OFFSET_KEY" in err
    assert "does not answer" not in err


def test_no_database(manage, redis_client, no_database):
    assert manage("stream_offset")[0] == 69
