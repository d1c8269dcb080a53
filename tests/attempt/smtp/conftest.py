"""Clients for the scripted relay, closed after each test."""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.relay import Relay, make_ssl_context
from deliveries.conf import TlsMode
from tests.attempt.smtp.clock import Clock
from tests.attempt.smtp.posting import Post
from tests.relay.authority import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def trusting(authority: Authority) -> ssl.SSLContext:
    """The client's context, which trusts the tests' authority."""
    return make_ssl_context(authority.ca_file)


@pytest.fixture
def open_post(trusting: ssl.SSLContext) -> Iterator[Callable[..., Post]]:
    """Call it with a relay (anything with host and port) and what differs in `Relay`."""
    posts: list[Post] = []

    def open_one(at: Any, **different: Any) -> Post:
        relay = Relay(
            host=at.host,
            port=at.port,
            tls=TlsMode.NONE,
            helo_name="client.test",
            timeout=10.0,
            final_reply_timeout=10.0,
            ssl_context=trusting,
        )
        posts.append(Post(Client(replace(relay, **different))))
        return posts[-1]

    yield open_one
    for post in posts:
        post.client.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(time.monotonic)
    monkeypatch.setattr(time, "monotonic", clock)
    return clock
