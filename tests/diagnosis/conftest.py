import pytest

from tests.conf.environment import load_with


@pytest.fixture
def configured(settings):
    """Gives the service a configuration of its own: the tests' environment with changes."""

    def configure(**changes):
        settings.MAIL = load_with(changes)
        return settings.MAIL

    return configure
