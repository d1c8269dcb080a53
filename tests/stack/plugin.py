"""Loaded with `-p` before pytest-django reads the settings: gives them the tests' servers."""

import os

from tests.stack.servers import Servers

servers = Servers(dict(os.environ))


def _set_environment() -> None:
    """Whatever the caller's shell configures, the tests configure it themselves."""
    for name in [name for name in os.environ if name.startswith(("MAIL_", "OTEL_"))]:
        if not name.startswith("MAIL_TEST_"):
            del os.environ[name]
    os.environ.update(servers.environment)


_set_environment()


def pytest_unconfigure() -> None:
    servers.close()
