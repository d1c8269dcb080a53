"""Loaded with `-p` before pytest-django reads the settings: gives them the tests' servers.

Each process that runs tests (pytest's own, or each of xdist's workers) has servers of its own.
"""

import os
from collections.abc import Generator
from pathlib import Path

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


_NEED_SERVERS = {"servers", "redis_client", "django_db_setup", "db", "transactional_db"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark `servers` what uses PostgreSQL or Redis, but for what starts processes.

    Few of those say that they are about the servers, and have the mark by themselves: all of them
    would take as long on the second pair of servers as on the first, and tell nothing new.
    """
    uses = item.get_closest_marker("django_db") or _NEED_SERVERS & set(
        getattr(item, "fixturenames", ())
    )
    if uses and item.get_closest_marker("process") is None:
        item.add_marker("servers")


_LONG = ("process", "slow", "browser")


def _order(item: pytest.Item) -> int:
    if item.get_closest_marker("soak"):
        return 0
    return 1 if any(map(item.get_closest_marker, _LONG)) else 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files that take long first, where files are handed to workers: no worker ends late."""
    if hasattr(config, "workerinput"):
        order: dict[Path, int] = {}
        for item in items:
            order[item.path] = min(_order(item), order.get(item.path, 2))
        items.sort(key=lambda item: order[item.path])


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: two a core, for many tests wait; not more than eight, for each has servers."""
    return min(8, 2 * len(os.sched_getaffinity(0)))
