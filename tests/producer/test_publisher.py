"""The publisher on a real Redis, and on one that is cut off, full or closed to it."""

import contextlib
import socket
import threading
import traceback
from urllib.parse import quote

import pytest
import redis
from django.conf import settings

from deliveries.models import Delivery
from deliveries.producer import (
    CommandPublisher,
    InvalidCommandError,
    Patience,
    RenderedMail,
    StreamRefusedError,
    UnconfirmedError,
)

MAIL = RenderedMail(to=["ada@example.org"], subject="Hello s3cret", text_body="Text")
QUICK = Patience(total=0.6, each=0.3, first_wait=0.01, longest_wait=0.02)
LONG = Patience(total=60, each=5, first_wait=0.01, longest_wait=0.02)


def url(address, password):
    return f"redis://:{quote(password)}@{address}/0"


@pytest.fixture
def stream(servers):
    return f"{servers.key_prefix}published"


@pytest.fixture
def publisher(servers, redis_client, stream):
    made = CommandPublisher.connect(
        url(servers.redis_address, servers.redis_password), stream=stream, patience=LONG
    )
    yield made
    made.close()


def test_what_is_confirmed_is_on_the_stream(publisher, redis_client, stream):
    published = publisher.publish(MAIL, idempotency_key="k", delivery_id="d-1")
    assert (published.stream, published.delivery_id) == (stream, "d-1")
    [(entry_id, fields)] = redis_client.xrange(stream)
    assert entry_id.decode() == published.entry_id
    assert fields[b"idempotency_key"] == b"k"


def test_an_entry_as_it_is(publisher, redis_client, stream):
    publisher.add({"colour": b"\xff", "\ud800": b""})
    [(_, fields)] = redis_client.xrange(stream)
    assert fields == {b"colour": b"\xff", b"\xed\xa0\x80": b""}


def test_too_large_is_refused_before_it_travels(redis_client, stream):
    publisher = CommandPublisher(redis_client, stream=stream, max_payload_bytes=10)
    with pytest.raises(InvalidCommandError, match="larger than 10 bytes"):
        publisher.publish(MAIL, idempotency_key="k")
    assert redis_client.exists(stream) == 0


def test_a_client_that_decodes_will_do(servers, redis_client, stream):
    host, _, port = servers.redis_address.rpartition(":")
    with redis.Redis(
        host=host, port=int(port), password=servers.redis_password or None, decode_responses=True
    ) as client:
        published = CommandPublisher(client, stream=stream).publish(MAIL, idempotency_key="k")
    assert redis_client.xrange(stream)[0][0].decode() == published.entry_id


class CutOff:
    """A link to Redis that loses the answer to the first `lost` XADDs, after Redis has run them."""

    def __init__(self, address, *, lost):
        host, _, port = address.rpartition(":")
        self._upstream = (host, int(port))
        self._lost = lost
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(self._upstream) as upstream,
        ):
            while asked := client.recv(65536):
                upstream.sendall(asked)
                answer = upstream.recv(65536)
                if b"XADD" in asked and self._lost > 0:
                    self._lost -= 1
                    return
                client.sendall(answer)

    def close(self):
        self._listener.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("default_retries", [True, False], ids=["redis-py's", "the publisher's"])
def test_a_lost_answer_leaves_two_entries_and_one_delivery(
    servers, redis_client, consumer, default_retries
):
    """redis-py's own retries repeat an XADD as well: the key makes either harmless."""
    link = CutOff(servers.redis_address, lost=1)
    name = settings.MAIL.redis_command_stream
    address = url(link.address, servers.redis_password)
    if default_retries:
        client = redis.Redis.from_url(address, socket_timeout=5)
        publisher = CommandPublisher(client, stream=name, patience=LONG)
    else:
        publisher = CommandPublisher.connect(address, stream=name, patience=LONG)
    published = publisher.publish(MAIL, idempotency_key="k")
    publisher.close()
    link.close()
    assert redis_client.xlen(name) == 2
    consumer.step()
    assert Delivery.objects.get().delivery_id == published.delivery_id


def test_no_answer_until_the_patience_ends(servers, redis_client, stream):
    link = CutOff(servers.redis_address, lost=1000)
    publisher = CommandPublisher.connect(
        url(link.address, servers.redis_password), stream=stream, patience=QUICK
    )
    with pytest.raises(UnconfirmedError, match="did not confirm") as caught:
        publisher.publish(MAIL, idempotency_key="k")
    publisher.close()
    link.close()
    assert redis_client.xlen(stream) >= 1  # taken all the same, as the error's name says
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("silent", [True, False])
def test_nobody_answers(silent):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1] if silent else 1
        publisher = CommandPublisher.connect(f"redis://:s3cret@127.0.0.1:{port}/0", patience=QUICK)
        with pytest.raises(UnconfirmedError) as caught:
            publisher.publish(MAIL, idempotency_key="k")
        publisher.close()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


class TestRefused:
    def test_what_is_no_stream(self, publisher, redis_client, stream):
        redis_client.set(stream, "x")
        with pytest.raises(StreamRefusedError, match="WRONGTYPE"):
            publisher.publish(MAIL, idempotency_key="k")

    @pytest.fixture
    def user(self, servers, redis_client):
        name = f"producer-{servers.key_prefix.replace(':', '-')}"
        yield name
        redis_client.acl_deluser(name)

    @pytest.mark.parametrize("password", ["right", "s3cret"])
    def test_a_user_without_the_right_or_the_password(
        self, servers, redis_client, stream, user, password
    ):
        redis_client.acl_setuser(user, enabled=True, passwords=["+right"], commands=["+ping"])
        address = f"redis://{user}:{password}@{servers.redis_address}/0"
        publisher = CommandPublisher.connect(address, stream=stream, patience=LONG)
        with pytest.raises(StreamRefusedError, match="Redis refuses") as caught:
            publisher.publish(MAIL, idempotency_key="k")
        publisher.close()
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))

    def test_the_least_rights_that_a_producer_needs(self, servers, redis_client, stream, user):
        """As docs/deploy.md gives them."""
        redis_client.acl_setuser(
            user, enabled=True, passwords=["+right"], commands=["+xadd"], keys=[stream]
        )
        address = f"redis://{user}:right@{servers.redis_address}/0"
        publisher = CommandPublisher.connect(address, stream=stream, patience=LONG)
        assert publisher.publish(MAIL, idempotency_key="k").entry_id
        publisher.close()


@pytest.mark.parametrize("wrong", ["", "s3cret", "http://:s3cret@host", "redis://h:s3cret/0"])
def test_a_url_that_is_none(wrong):
    with pytest.raises(ValueError, match="URL of Redis") as caught:
        CommandPublisher.connect(wrong)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
