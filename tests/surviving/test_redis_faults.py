"""Redis is away, restarts, refuses: the consumer waits it out, the others do not even notice."""

import socket
import time

import pytest
import redis
from django.conf import settings

from deliveries.models import MalformedCommand
from mailproject.embedded.folder import RunFolder
from mailproject.embedded.valkey import start_valkey
from tests.stack.waiting import wait_until
from tests.surviving.proxy import Proxy
from tests.surviving.world import World, relay_of

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]


class Port:
    """A port that a server has had before."""

    def __init__(self, number):
        self.number = number

    def release(self):
        return self.number


class OwnRedis:
    """A durable server of this test's own, which may be stopped, restarted and reconfigured."""

    def __init__(self, folder):
        self._folder = folder
        self._server = start_valkey(folder=folder)
        self.client = self._server.connect()

    @property
    def port(self):
        return self._server.port

    @property
    def password(self):
        return self._server.password

    def stop(self):
        self.client.close()
        self._server.stop()

    def start(self):
        self._server = start_valkey(
            folder=self._folder, port=Port(self.port), password=self.password
        )

    def configure(self, **values):
        for name, value in values.items():
            self.client.config_set(name.replace("_", "-"), value)


@pytest.fixture
def own_redis(tmp_path_factory):
    folder = RunFolder.hold(tmp_path_factory.mktemp("redis") / "run")
    server = OwnRedis(folder)
    yield server
    server.stop()
    folder.close()


@pytest.fixture
def network(own_redis):
    with Proxy(lambda: socket.create_connection(("127.0.0.1", own_redis.port))) as proxy:
        yield proxy


@pytest.fixture
def world(service, own_redis, network, transactional_db):
    with relay_of() as relay:
        world = World(service=service, client=own_redis.client, relay=relay)
        world.environment |= {
            "MAIL_REDIS_MASTER_ADDR": f"127.0.0.1:{network.port}",
            "MAIL_REDIS_PASSWORD": own_redis.password,
        }
        yield world
        service.close()


class Faults:
    """What the tests below do to Redis while the service runs."""

    def __init__(self, *, server, network, stream):
        self.server, self.network, self.stream = server, network, stream

    def away(self):
        self.network.go_away()
        time.sleep(4)
        self.network.come_back()

    def silent(self):
        self.network.freeze()
        time.sleep(8)
        self.network.thaw()

    def restarts(self):
        self.server.stop()
        time.sleep(1)
        self.server.start()

    def read_only(self):
        """As an old master that was made a replica: READONLY."""
        self.server.configure(replica_read_only="yes")
        self.server.client.replicaof("127.0.0.1", "1")
        time.sleep(4)
        self.server.client.replicaof("NO", "ONE")

    def loading(self):
        self.network.answer(b"-LOADING the dataset is being read\r\n")
        time.sleep(4)
        self.network.come_back()
        self.network.cut()

    def full(self):
        self.server.configure(maxmemory="1")
        time.sleep(4)
        self.server.configure(maxmemory="0")

    def another_type(self):
        """Somebody puts something else at the stream's key."""
        self.server.client.rename(self.stream, f"{self.stream}.aside")
        self.server.client.set(self.stream, "not a stream")
        time.sleep(4)
        self.server.client.delete(self.stream)
        self.server.client.rename(f"{self.stream}.aside", self.stream)


@pytest.fixture
def faults(own_redis, network, world):
    return Faults(server=own_redis, network=network, stream=world.stream)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("away", "ConnectionError"),
        ("silent", None),
        ("restarts", "ConnectionError"),
        ("read_only", None),
        ("loading", "BusyLoadingError"),
        ("full", None),
        ("another_type", "ResponseError"),
    ],
)
def test_every_process_goes_on_by_itself(world, faults, fault, told):
    processes = world.start("consume_commands", "run_scheduler", "run_attempts")
    world.publish(*range(20))
    world.settle()
    getattr(faults, fault)()
    *_, last = world.publish(*range(20, 40))
    world.settle()
    assert set(world.copies.values()) == {1}
    assert len(world.copies) == 40
    assert (world.cursor.entries_finished, world.cursor.gap_entries) == (40, 0)
    assert MalformedCommand.objects.count() == 0
    wait_until(lambda: world.offset == last)
    consumer, *others = processes
    lines = consumer.logged("loop waits after a fault")
    assert len({line["fault"] for line in lines}) == len(lines)  # once a minute
    assert not any("traceback" in line for line in lines)
    if told is not None:
        assert told in {line["fault"].partition(":")[0] for line in lines}
    for process in others:
        assert process.logged("loop waits after a fault") == []
    for process in processes:
        assert process.stop() == 0, process.output


@pytest.mark.parametrize("fault", ["read_only", "full"])
def test_what_redis_cannot_be_told_is_accepted_and_told_later(world, own_redis, fault):
    """Reading needs no leave to write: commands that are on the stream become deliveries."""
    world.publish(1, 2)
    last = world.client.xinfo_stream(world.stream)["last-generated-id"].decode()
    if fault == "full":
        own_redis.configure(maxmemory="1")
    else:
        own_redis.client.replicaof("127.0.0.1", "1")
    (consumer,) = world.start("consume_commands")
    wait_until(lambda: len(world.statuses) == 2)
    wait_until(lambda: consumer.logged("loop waits after a fault"))
    assert world.offset is None
    own_redis.configure(maxmemory="0")
    own_redis.client.replicaof("NO", "ONE")
    wait_until(lambda: world.offset == last)
    assert consumer.stop() == 0


def test_a_failover_that_lost_entries_is_told_and_read_again(world, own_redis):
    """The new master is behind: it has neither the last entries nor the offset."""
    (consumer,) = world.start("consume_commands")
    first = world.publish(1)[0]
    wait_until(lambda: world.offset == first)
    saved = own_redis.client.dump(world.stream)
    *_, last = world.publish(2, 3)
    wait_until(lambda: world.offset == last)
    own_redis.client.restore(world.stream, 0, saved, replace=True)
    own_redis.client.set(settings.MAIL.redis_offset_key, first)
    wait_until(lambda: consumer.logged("stream entries were lost before they were read"))
    *_, last = world.publish(4)
    wait_until(lambda: world.offset == last)
    assert set(world.statuses) == {"d-1", "d-2", "d-3", "d-4"}
    assert world.cursor.gap_entries == 1
    (line,) = consumer.logged("stream entries were lost before they were read")
    assert (line["level"], line["entries"]) == ("error", 1)


def test_without_redis_what_is_accepted_is_sent(world, network):
    world.start("consume_commands")
    world.publish(*range(20))
    wait_until(lambda: len(world.statuses) == 20)
    world.start("run_scheduler", "run_attempts")
    network.go_away()
    wait_until(lambda: list(world.statuses.values()).count("sent") == 20)
    with pytest.raises(redis.RedisError):
        redis.Redis(port=network.port, socket_timeout=2).ping()
    network.come_back()
