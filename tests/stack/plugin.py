"""Loaded with `-p` before pytest-django reads the settings: gives them the tests' servers.

Each process that runs tests (pytest's own, or each of xdist's workers) has servers of its own.
"""

import os
from collections.abc import Generator

import pytest

from tests.stack.servers import Servers

servers = Servers(dict(os.environ))


def _set_environment() -> None:
    """Whatever the caller's shell configures, the tests configure it themselves."""
    for name in [name for name in os.environ if name.startswith(("MAIL_", "OTEL_"))]:
        if not name.startswith("MAIL_TEST_"):
            del os.environ[name]
    os.environ.update(servers.environment)


_set_environment()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where `MAIL_TEST_SKIPS` is `fail`, all that tests need is installed: none may be skipped."""
    report = yield
    expected = hasattr(report, "wasxfail")
    if report.skipped and not expected and os.environ.get("MAIL_TEST_SKIPS") == "fail":
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longrepr}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """After the fixtures, and before a worker says that it has finished: it is ended then."""
    servers.close()


_LONG = ("process", "slow", "browser")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files that take long first, where files are handed to workers: no worker ends late."""
    if hasattr(config, "workerinput"):
        long = {item.path for item in items if any(map(item.get_closest_marker, _LONG))}
        items.sort(key=lambda item: item.path not in long)
