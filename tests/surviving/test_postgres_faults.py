"""PostgreSQL is away, restarts, refuses, loses replies: every process waits it out and goes on."""

import signal
import socket
import time
from collections import Counter
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection, connections
from psycopg.conninfo import conninfo_to_dict

from deliveries.crash import Point
from deliveries.models import Attempt, MalformedCommand
from tests.relay.script import Pause, Stage
from tests.stack.waiting import wait_until
from tests.surviving.proxy import Proxy
from tests.surviving.world import LEASE_SECONDS

pytestmark = [
    pytest.mark.process,
    pytest.mark.servers,
    pytest.mark.django_db(transaction=True),
]

ALL = ("consume_commands", "run_scheduler", "run_attempts")


@pytest.fixture
def network(servers, postgres_dsn):
    """Between the service's processes and PostgreSQL; the test itself has a line of its own."""
    where = conninfo_to_dict(postgres_dsn)
    host, port = where["host"], int(where.get("port", 5432))

    def connect():
        if host.startswith("/"):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(f"{host}/.s.PGSQL.{port}")
            return sock
        return socket.create_connection((host, port))

    with Proxy(connect) as proxy:
        yield proxy


@pytest.fixture
def through(network):
    """Has a world's processes reach PostgreSQL through the network."""

    def use(world):
        url = urlsplit(world.service.environment["MAIL_POSTGRES_PRIMARY_DSN"])
        login = url.netloc.rpartition("@")[0]
        world.environment["MAIL_POSTGRES_PRIMARY_DSN"] = urlunsplit(
            (url.scheme, f"{login}@127.0.0.1:{network.port}", url.path, "", "")
        )
        return world

    return use


@pytest.fixture
def role(postgres_dsn):
    return conninfo_to_dict(postgres_dsn)["user"]


@pytest.fixture
def admin(postgres_admin):
    with psycopg.connect(postgres_admin, autocommit=True) as administrator:
        yield administrator.execute


def assert_waited_out(processes):
    """They told each fault once, with no values and no stack, and end as if nothing had been."""
    for process in processes:
        faults = process.logged("loop waits after a fault")
        told = Counter((line["loop"], line["fault"]) for line in faults)
        assert set(told.values()) <= {1}, told
        assert not any("traceback" in line for line in faults), faults
        assert process.stop() == 0, process.output


class Faults:
    """What the tests below do to PostgreSQL while commands come in."""

    def __init__(self, network, admin, role, servers):
        self.network, self.admin, self.role, self.servers = network, admin, role, servers

    def away(self):
        self.network.go_away()
        time.sleep(LEASE_SECONDS + 1)
        self.network.come_back()

    def silent(self):
        self.network.freeze()
        time.sleep(LEASE_SECONDS + 1)
        self.network.thaw()

    def terminates_sessions(self):
        for _ in range(5):
            self.admin(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = %s AND application_name = 'mail-service'",
                [self.role],
            )
            time.sleep(0.5)

    def read_only(self):
        """As after a failover to a standby: 25006."""
        role = psycopg.sql.Identifier(self.role)
        self.admin(
            psycopg.sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role)
        )
        self.terminate()
        time.sleep(LEASE_SECONDS + 1)
        self.admin(psycopg.sql.SQL("ALTER ROLE {} RESET ALL").format(role))
        self.terminate()

    def restarts(self):
        self.servers.restart_postgres()

    def crashes(self):
        self.servers.restart_postgres(crash=True)

    def terminate(self):
        self.admin(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [self.role]
        )


@pytest.fixture
def faults(network, admin, role, servers):
    return Faults(network, admin, role, servers)


@pytest.mark.parametrize(
    "fault",
    [
        *("away", "silent", "terminates_sessions", "read_only"),
        pytest.param("restarts", marks=pytest.mark.own_servers),
        pytest.param("crashes", marks=pytest.mark.own_servers),
    ],
)
def test_every_process_goes_on_by_itself(world, through, faults, servers, fault):
    if fault in {"restarts", "crashes"} and not servers.owns_postgres:
        pytest.skip("the given server is not the tests' own")
    processes = through(world).start(*ALL)
    world.publish(*range(50))
    wait_until(lambda: "sent" in world.statuses.values())
    world.publish(*range(50, 100))
    connections.close_all()
    getattr(faults, fault)()
    connections.close_all()  # this test's own session has met the fault too
    world.publish(*range(100, 150))
    world.settle()
    assert set(world.statuses.values()) == {"sent"}
    assert len(world.statuses) == 150
    assert MalformedCommand.objects.count() == 0
    copies, unknown = world.copies, world.unknown
    assert all(1 <= n <= 1 + unknown[d] for d, n in copies.items())
    assert_waited_out(processes)


def test_an_outage_longer_than_a_lease_makes_nobody_lost(make_world, through, network):
    """The relay answers while PostgreSQL is away: the outcome is written when it is back."""
    world = through(make_world({Stage.FINAL: [Pause(3.0), "250 2.0.0 ok"]}))
    processes = world.start(*ALL)
    world.publish(1)
    wait_until(lambda: world.relay.messages)
    network.go_away()
    time.sleep(3 * LEASE_SECONDS)
    network.come_back()
    world.settle()
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.outcome_unknown) == ("provider_accepted", False)
    assert world.copies == {"d-1": 1}
    assert_waited_out(processes)


@pytest.mark.parametrize("fault", ["go_away", "freeze"])
def test_a_stop_during_an_outage_is_bounded(world, through, network, fault):
    processes = through(world).start(*ALL)
    world.publish(*range(10))
    world.settle()
    getattr(network, fault)()
    for process in processes:
        process.signal(signal.SIGTERM)
    # what is on its way to the server when it falls silent cannot be waited for: status 1
    wanted = {0} if fault == "go_away" else {0, 1}
    assert {process.wait(seconds=30) for process in processes} <= wanted
    network.thaw()
    network.come_back()
    world.go_on()
    assert set(world.copies.values()) == {1}


class TestLostReplies:
    """PostgreSQL did it, and its answer was lost on the way."""

    def test_to_the_commit_of_a_batch(self, world, through, network):
        (consumer,) = through(world).start("consume_commands")
        network.lose_reply_to(b"COMMIT")
        *_, last = world.publish(1, 2)
        assert network.lost.wait(30)
        *_, last = world.publish(3)
        wait_until(lambda: world.offset == last)
        assert world.cursor.entries_finished == 3
        assert MalformedCommand.objects.count() == 0
        assert_waited_out([consumer])
        world.go_on()
        assert set(world.copies.values()) == {1}

    def test_to_a_hand_out(self, world, through, network):
        processes = through(world).start("consume_commands", "run_attempts")
        world.publish(1)
        wait_until(lambda: world.statuses)
        network.lose_reply_to(b"transitions.hand_out *")
        processes += world.start("run_scheduler")
        assert network.lost.wait(30)
        world.settle()
        assert world.copies == {"d-1": 1}
        assert Attempt.objects.count() == 1
        assert_waited_out(processes)

    def test_to_a_claim(self, world, through, network):
        """The attempts are this worker's, it lives, and does not know: it gives them back."""
        through(world).start("consume_commands", "run_scheduler")
        idle = world.arm("run_attempts", Point.ATTEMPT_CLAIMED, number=signal.SIGSTOP)
        idle.wait_until_started()
        idle.signal(signal.SIGSTOP)  # it only makes the scheduler hand out
        world.publish(1, 2)
        wait_until(lambda: Attempt.objects.filter(status="scheduled").count() == 2)
        network.lose_reply_to(b"transitions.claim *")
        (worker,) = world.start("run_attempts")
        assert network.lost.wait(30)
        world.settle()
        assert world.copies == {"d-1": 1, "d-2": 1}
        assert set(world.unknown.values()) == {0}
        assert_waited_out([worker])

    def test_to_the_commit_of_outcomes(self, world, through, network):
        processes = through(world).start(*ALL)
        network.lose_reply_to(b"transitions.complete *")
        world.publish(1)
        assert network.lost.wait(30)
        network.lose_reply_to(b"COMMIT")
        world.publish(2)
        world.settle()
        world.publish(3)
        world.settle()
        assert set(world.copies.values()) == {1}
        assert Attempt.objects.filter(status="provider_accepted").count() == 3
        worker = processes[-1]
        assert not worker.logged("late outcome not recorded")
        assert_waited_out(processes)


SERVER_FAULTS = {
    "40P01": "deadlock",
    "40001": "serialisation failure",
    "53100": "disk full",
    "53200": "out of memory",
    "25006": "read-only",
    "55P03": "lock not available",
    "57014": "statement timeout",
    "58030": "I/O error",
    "XX001": "data corrupted",
}


@pytest.fixture
def refusing():
    """Has PostgreSQL itself raise an SQLSTATE on every new delivery, until it is told otherwise."""

    def refuse(sqlstate, only="true"):
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" IF {only} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}'; END IF;"
                f" RETURN NEW; END $$;"
                f" CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON deliveries"
                f" FOR EACH ROW EXECUTE FUNCTION refuse()"
            )

    def relent():
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION IF EXISTS refuse CASCADE")

    refuse.relent = relent
    yield refuse
    relent()


def test_no_fault_of_the_server_is_taken_for_a_bad_entry(world, refusing):
    (consumer,) = world.start("consume_commands")
    world.publish(*range(3))
    wait_until(lambda: len(world.statuses) == 3)
    for number, sqlstate in enumerate(SERVER_FAULTS, start=3):
        refusing(sqlstate)
        world.publish(number)
        wait_until(lambda wanted=sqlstate: any(wanted in f for f in told(consumer)))
        assert len(world.statuses) == number
        refusing.relent()
        wait_until(lambda wanted=number + 1: len(world.statuses) == wanted)
    assert MalformedCommand.objects.count() == 0
    assert_waited_out([consumer])


@pytest.mark.parametrize("sqlstate", ["22P02", "23514"])
def test_a_refused_entry_is_found_among_the_others(world, refusing, sqlstate):
    refusing(sqlstate, only="NEW.delivery_id = 'd-7'")
    world.publish(*range(20))
    (consumer,) = world.start("consume_commands")
    wait_until(lambda: len(world.statuses) == 19)
    refused = MalformedCommand.objects.get()
    assert (refused.delivery_id, refused.failure_code) == ("d-7", "unstorable")
    assert world.cursor.entries_finished == 20
    assert told(consumer) == []


def told(process):
    return [line["fault"] for line in process.logged("loop waits after a fault")]
