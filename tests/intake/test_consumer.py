"""The consumer's step on a real stream and a real database."""

import dataclasses
import json
import logging
import time
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.db import connection

from deliveries.catalog.catalog import load_catalog
from deliveries.intake.accept import Acceptor
from deliveries.intake.consumer import Consumer
from deliveries.intake.cursor import place_by_hand
from deliveries.intake.stream import CommandStream
from deliveries.models import Delivery, DeliveryPayload, MalformedCommand, StreamCursor
from tests.malformed_examples import LATE, PAYLOAD, STATIC, TEMPLATE, fields

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = 200_000


@pytest.fixture
def publish(redis_client):
    def put(entry_fields, entry_id="*"):
        return redis_client.xadd(settings.MAIL.redis_command_stream, entry_fields, id=entry_id)

    return put


@pytest.fixture
def make_consumer(redis_client):
    config = dataclasses.replace(settings.MAIL, max_payload_bytes=LIMIT)
    catalog = load_catalog(directory=config.template_dir, default_locale="en")

    def make(lead=lambda: 1, retention=None, batch_size=500, **more):
        return Consumer(
            stream=CommandStream(
                redis_client,
                name=config.redis_command_stream,
                offset_key=config.redis_offset_key,
                max_payload_bytes=LIMIT,
            ),
            acceptor=Acceptor(config=config, catalog=catalog),
            lead=lead,
            batch_size=batch_size,
            block=timedelta(milliseconds=20),
            retention=retention,
            max_payload_bytes=LIMIT,
            **more,
        )

    return make


@pytest.fixture
def offset(redis_client):
    return lambda: redis_client.get(settings.MAIL.redis_offset_key)


def states():
    return dict(Delivery.objects.values_list("delivery_id", "status"))


def test_every_failure_code_among_good_entries_that_all_arrive(
    publish, make_consumer, offset, caplog
):
    caplog.set_level(logging.INFO)
    cases = [*STATIC, *LATE]
    expected, good = {}, set()
    publish(fields("base"))
    publish(fields("base2"))
    for number, (code, changes) in enumerate(cases):
        entry_id = publish(fields(number, **changes))
        expected[entry_id.decode()] = code
        publish(fields(f"good-{number}"))
        good.add(f"d-good-{number}")
    conflicting = {**PAYLOAD, "subject": "Other"}
    for n in range(2):
        by_key = fields(f"new-{n}", payload=conflicting, idempotency_key="key-base")
        expected[publish(by_key).decode()] = "idempotency_conflict"
        by_id = fields(f"id-{n}", payload=conflicting, delivery_id="d-base2")
        expected[publish(by_id).decode()] = "delivery_id_conflict"
    consumer = make_consumer()
    while StreamCursor.objects.values_list("entries_finished", flat=True).first() != (
        len(expected) + len(good) + 2
    ):
        consumer.step()
    found = dict(MalformedCommand.objects.values_list("stream_entry_id", "failure_code"))
    assert found == expected
    assert set(states()) == good | {"d-base", "d-base2"}
    assert offset().decode() == StreamCursor.objects.get().last_entry_id
    rejected = [r for r in caplog.records if r.message == "stream command rejected"]
    assert {(r.stream_entry_id, r.failure_code) for r in rejected} == set(expected.items())
    text = "\n".join(str(vars(record)) for record in caplog.records)
    assert not any(private in text for private in ("ada@", "123456", "eve@", "key-"))


def test_a_rendered_and_a_template_command(publish, make_consumer):
    publish(fields(1))
    publish(fields(2, payload={**TEMPLATE, "locale": "de-AT"}))
    make_consumer().step()
    assert states() == {"d-1": "queued", "d-2": "rendered"}
    rendered = Delivery.objects.get(delivery_id="d-2")
    assert (rendered.locale, rendered.locale_used) == ("de-AT", "de")
    assert len(rendered.catalog_digest) == 64
    assert rendered.rendered_at is not None
    assert "123456" in DeliveryPayload.objects.get(delivery=rendered).text_body


def test_a_repetition_is_one_delivery_whatever_its_form(publish, make_consumer):
    publish(fields(1))
    reordered = json.dumps(dict(reversed(PAYLOAD.items())), indent=2).encode()
    publish(fields(2, payload=reordered, idempotency_key="key-1"))
    consumer = make_consumer()
    consumer.step()
    publish(fields(3, idempotency_key="key-1"))
    publish(fields(4, delivery_id="d-1"))
    consumer.step()
    assert states() == {"d-1": "queued"}
    assert MalformedCommand.objects.count() == 0


def test_a_command_past_its_expiry_is_accepted(publish, make_consumer):
    publish(fields(1, payload={**PAYLOAD, "expires_at": "2020-01-01T00:00:00Z"}))
    make_consumer().step()
    assert states() == {"d-1": "queued"}


def test_goes_on_where_it_was(publish, make_consumer):
    publish(fields(1))
    make_consumer().step()
    publish(fields(2))
    make_consumer().step()
    assert set(states()) == {"d-1", "d-2"}
    assert StreamCursor.objects.get().entries_finished == 2


def test_without_a_cursor_the_published_offset_serves(publish, make_consumer, redis_client):
    first = publish(fields(1))
    publish(fields(2))
    redis_client.set(settings.MAIL.redis_offset_key, first)
    make_consumer().step()
    assert set(states()) == {"d-2"}


def test_an_offset_with_a_line_end_serves_too(publish, make_consumer, redis_client, offset):
    first = publish(fields(1))
    last = publish(fields(2))
    redis_client.set(settings.MAIL.redis_offset_key, first + b"\n")
    make_consumer().step()
    assert set(states()) == {"d-2"}
    assert StreamCursor.objects.get().last_entry_id == last.decode()
    assert offset() == last


@pytest.mark.parametrize(
    "held", [b"0\n", b"1_0-0", b"7", b"\xff", f"{2**64}-0".encode(), b"9" * 25 + b"-0"]
)
def test_an_offset_that_is_no_entry_id_is_told_and_replaced(
    publish, make_consumer, redis_client, offset, caplog, held
):
    last = publish(fields(1))
    redis_client.set(settings.MAIL.redis_offset_key, held)
    make_consumer().step()
    assert set(states()) == {"d-1"}
    assert offset() == last
    assert caplog.messages.count("the offset key holds no entry id") == 1


def test_a_consumer_that_does_not_lead_takes_nothing(publish, make_consumer):
    publish(fields(1))
    assert make_consumer(lead=lambda: None).step() is False
    assert states() == {}


def test_a_consumer_whose_cursor_was_taken_stores_nothing(publish, make_consumer):
    old = make_consumer()
    publish(fields(1))
    old.step()
    make_consumer(lead=lambda: 2).step()
    publish(fields(2))
    assert old.step() is False
    assert set(states()) == {"d-1"}


def test_the_offset_never_moves_backwards(publish, make_consumer, redis_client, offset):
    publish(fields(1))
    make_consumer().step()
    redis_client.set(settings.MAIL.redis_offset_key, "9999999999999-7")
    publish(fields(2))
    make_consumer().step()
    assert offset() == b"9999999999999-7"


def test_a_recreated_stream_is_read_from_its_first_entry(
    publish, make_consumer, redis_client, caplog, offset
):
    publish(fields(1), "2000000000000-0")
    consumer = make_consumer()
    consumer.step()
    redis_client.delete(settings.MAIL.redis_command_stream)
    publish(fields(2), "5-0")
    for _ in range(2):
        consumer.step()
    assert set(states()) == {"d-1", "d-2"}
    assert StreamCursor.objects.get().gap_entries == 1
    assert offset() == b"5-0"
    assert "stream entries were lost before they were read" in caplog.messages


def test_entries_trimmed_unread_are_counted(publish, make_consumer, redis_client, caplog):
    publish(fields(1))
    make_consumer().step()
    for number in range(2, 7):
        publish(fields(number))
    redis_client.xtrim(settings.MAIL.redis_command_stream, maxlen=2, approximate=False)
    make_consumer().step()
    assert set(states()) == {"d-1", "d-5", "d-6"}
    assert StreamCursor.objects.get().gap_entries == 3
    assert "stream entries were lost before they were read" in caplog.messages


def test_trims_what_is_finished_and_nothing_else(publish, make_consumer, redis_client):
    for number in range(300):
        publish(fields(number), f"{number + 1}-0")
    publish(fields("unread"), "400-0")
    consumer = make_consumer(retention=timedelta(0), batch_size=250)
    consumer.step()
    left = redis_client.xrange(settings.MAIL.redis_command_stream)
    # the last that is finished shows that nothing was lost between it and the next
    assert [entry_id for entry_id, _ in left] == [
        *(f"{number}-0".encode() for number in range(250, 301)),
        b"400-0",
    ]


@pytest.mark.parametrize("hour", [-3600, 3600])
def test_trimming_does_not_go_by_the_time_of_day(
    publish, make_consumer, redis_client, monkeypatch, hour
):
    passed, old = [0.0], int(time.time() - 7200) * 1000
    consumer = make_consumer(retention=timedelta(seconds=30), clock=lambda: passed[0])
    publish(fields(1), f"{old}-1")
    consumer.step()  # has trimmed
    moved = time.time() + hour
    monkeypatch.setattr(time, "time", lambda: moved)
    publish(fields(2), f"{old}-2")
    consumer.step()
    assert redis_client.xlen(settings.MAIL.redis_command_stream) == 2
    passed[0] += 26
    consumer.step()
    assert redis_client.xlen(settings.MAIL.redis_command_stream) == 1


def test_a_clock_that_was_never_set_trims_nothing_and_stops_nothing(
    publish, make_consumer, redis_client, monkeypatch
):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    publish(fields(1))
    publish(fields(2))
    make_consumer(retention=timedelta(days=1), clock=lambda: 0.0).step()
    assert redis_client.xlen(settings.MAIL.redis_command_stream) == 2
    assert set(states()) == {"d-1", "d-2"}


def test_a_quiet_stream_keeps_no_old_entries(publish, make_consumer, redis_client):
    """All of them lie in one node of the stream, which holds what is younger too."""
    now = time.time_ns() // 1_000_000
    for number in range(5):
        publish(fields(number), f"{now - 60_000}-{number}")
    young = publish(fields("young"))
    consumer = make_consumer(retention=timedelta(seconds=30))
    consumer.step()
    left = redis_client.xrange(settings.MAIL.redis_command_stream)
    assert [entry_id for entry_id, _ in left] == [young]
    publish(fields("next"))
    make_consumer().step()
    assert "d-next" in states()
    assert StreamCursor.objects.get().gap_entries == 0


def test_an_entry_of_very_many_fields_is_cut_too(publish, make_consumer):
    publish({**fields(1), **{f"f{n}": "x" * 100 for n in range(5000)}})
    make_consumer().step()
    kept = MalformedCommand.objects.get()
    assert kept.failure_code == "unknown_field"
    assert len(kept.raw_fields) < 64
    assert sum(map(len, kept.raw_fields)) <= 64 * 1024


def test_a_large_entry_is_cut_before_it_reaches_the_consumer(publish, make_consumer):
    publish(fields(1, payload=b'"' + b"x" * 1_000_000 + b'"'))
    publish(fields(2))
    consumer = make_consumer()
    consumer.step()
    consumer.step()
    kept = MalformedCommand.objects.get()
    assert kept.failure_code == "payload_too_large"
    assert sum(map(len, kept.raw_fields)) <= 64 * 1024
    assert set(states()) == {"d-2"}


class TestGaps:
    """Each is counted exactly where Redis counts, and once."""

    @pytest.fixture
    def gaps(self):
        return lambda: StreamCursor.objects.get().gap_entries

    @pytest.fixture
    def trim(self, redis_client):
        def to(length):
            redis_client.xtrim(settings.MAIL.redis_command_stream, maxlen=length, approximate=False)

        return to

    def test_one_after_the_other(self, publish, make_consumer, trim, gaps):
        consumer, number = make_consumer(), 0
        consumer.step()
        for lost, left in ((3, 2), (4, 1), (0, 5)):
            for _ in range(lost + left):
                number += 1
                publish(fields(number))
            trim(left)
            consumer.step()
            consumer.step()
        assert gaps() == 7
        assert len(states()) == 8

    def test_everything_that_was_unread(self, publish, make_consumer, trim, gaps):
        consumer = make_consumer()
        publish(fields(1))
        consumer.step()
        publish(fields(2))
        publish(fields(3))
        trim(0)
        consumer.step()
        publish(fields(4))
        consumer.step()
        assert (gaps(), set(states())) == (2, {"d-1", "d-4"})

    def test_an_entry_deleted_unread(self, publish, make_consumer, redis_client, gaps):
        consumer = make_consumer(batch_size=1)
        consumer.step()
        publish(fields(1))
        gone = publish(fields(2))
        publish(fields(3))
        redis_client.xdel(settings.MAIL.redis_command_stream, gone)
        for _ in range(3):
            consumer.step()
        assert (gaps(), set(states())) == (1, {"d-1", "d-3"})

    def test_after_a_start_at_the_published_offset(
        self, publish, make_consumer, redis_client, trim, gaps
    ):
        offset = publish(fields(1))
        publish(fields(2))
        redis_client.set(settings.MAIL.redis_offset_key, offset)
        consumer = make_consumer()
        consumer.step()
        consumer.step()
        assert gaps() == 0
        for number in (3, 4, 5):
            publish(fields(number))
        trim(1)
        consumer.step()
        consumer.step()
        assert (gaps(), set(states())) == (2, {"d-2", "d-5"})

    def test_a_stream_made_anew_whose_ids_go_on(self, publish, make_consumer, redis_client, gaps):
        consumer = make_consumer()
        for number in range(3):
            publish(fields(number))
        consumer.step()
        redis_client.delete(settings.MAIL.redis_command_stream)
        publish(fields(4))
        consumer.step()
        consumer.step()
        assert (gaps(), "d-4" in states()) == (1, True)
        publish(fields(5))
        consumer.step()
        consumer.step()
        assert (gaps(), len(states())) == (1, 5)

    def test_what_went_before_the_first_start_was_not_lost(
        self, publish, make_consumer, trim, gaps
    ):
        for number in range(3):
            publish(fields(number))
        trim(1)
        consumer = make_consumer()
        consumer.step()
        consumer.step()
        assert (gaps(), set(states())) == (0, {"d-2"})


def test_a_restored_redis_that_went_on_is_read_again(publish, make_consumer, redis_client, offset):
    """It forgot two entries that are finished, and has new ones with higher ids since."""
    consumer = make_consumer()
    publish(fields(1))
    consumer.step()
    saved = redis_client.dump(settings.MAIL.redis_command_stream)
    for number in (2, 3):
        publish(fields(number))
        consumer.step()
    redis_client.restore(settings.MAIL.redis_command_stream, 0, saved, replace=True)
    last = publish(fields(4))
    for _ in range(3):
        consumer.step()
    assert set(states()) == {"d-1", "d-2", "d-3", "d-4"}
    assert StreamCursor.objects.get().gap_entries == 1
    assert offset() == last


def test_a_restored_postgresql_reads_again_what_it_forgot(publish, make_consumer, offset):
    consumer = make_consumer()
    publish(fields(1))
    consumer.step()
    saved = StreamCursor.objects.values().get()
    published = publish(fields(2))
    consumer.step()
    # as it was after the first batch
    StreamCursor.objects.update(**saved)
    with connection.cursor() as cursor:
        for table in ("delivery_payloads", "idempotency_reservations"):
            cursor.execute(
                f"DELETE FROM {table} WHERE delivery_pk ="
                " (SELECT id FROM deliveries WHERE delivery_id = 'd-2')"
            )
        cursor.execute("DELETE FROM deliveries WHERE delivery_id = 'd-2'")
    again = make_consumer(lead=lambda: 2)
    again.step()
    assert set(states()) == {"d-1", "d-2"}
    assert offset() == published
    assert StreamCursor.objects.get().gap_entries == 0


def test_an_offset_that_could_not_be_published_is_published_later(
    publish, make_consumer, monkeypatch, offset
):
    consumer = make_consumer()
    last = publish(fields(1))
    with monkeypatch.context() as patch:
        patch.setattr(CommandStream, "publish_offset", refuse)
        with pytest.raises(redis.exceptions.ReadOnlyError):
            consumer.step()
        consumer.forget()
    assert offset() is None
    consumer.step()
    assert offset() == last


def refuse(*_args, **_named):
    raise redis.exceptions.ReadOnlyError("READONLY")


def test_an_operator_moves_the_cursor_under_a_working_consumer(publish, make_consumer):
    consumer = make_consumer()
    first = publish(fields(1))
    publish(fields(2))
    consumer.step()
    place_by_hand(stream=settings.MAIL.redis_command_stream, target=first.decode())
    publish(fields(3))
    consumer.step()
    assert "d-3" not in states()
    consumer.step()
    assert set(states()) == {"d-1", "d-2", "d-3"}
