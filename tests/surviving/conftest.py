import pytest

from tests.surviving.world import World, relay_of


@pytest.fixture
def make_world(service, redis_client, transactional_db):
    """Makes a world whose relay plays a script; one a test."""
    relays = []

    def make(script=None):
        relay = relay_of(script)
        relay.__enter__()
        relays.append(relay)
        return World(service=service, client=redis_client, relay=relay)

    yield make
    # the processes first: they would only complain
    service.close()
    for relay in relays:
        relay.__exit__(None, None, None)


@pytest.fixture
def world(make_world):
    return make_world()
