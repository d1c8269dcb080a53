"""The connection that listens for hints."""

import threading
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from deliveries.process.hints import DUE, Listener
from deliveries.process.loop import Wake

pytestmark = pytest.mark.django_db(transaction=True)

_SECONDS = 10.0


class _Bell(Wake):
    """Rung once at the beginning of listening, and for each hint."""

    def __init__(self):
        super().__init__()
        self.rings = threading.Semaphore(0)

    def ring(self):
        self.rings.release()


@pytest.fixture
def bell():
    bell = _Bell()
    listener = Listener({DUE: bell})
    yield lambda: listener.start() or bell
    listener.stop()
    assert listener.join(_SECONDS)


@pytest.fixture
def options(monkeypatch):
    """Sets keywords as they would come with the DSN."""
    held = connection.settings_dict["OPTIONS"]
    return lambda **given: [monkeypatch.setitem(held, key, value) for key, value in given.items()]


def test_a_hint_rings(bell):
    listening = bell()
    assert listening.rings.acquire(timeout=_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {DUE}")
    assert listening.rings.acquire(timeout=_SECONDS)


def test_a_password_may_come_from_a_file(bell, options, monkeypatch, tmp_path, postgres_dsn):
    url = urlsplit(postgres_dsn)
    file = tmp_path / "passwords"
    file.write_text(f"*:*:*:{url.username}:{url.password}\n")
    file.chmod(0o600)
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "")
    options(passfile=str(file))
    assert bell().rings.acquire(timeout=_SECONDS)


def test_every_keyword_of_the_dsn_holds(bell, options, monkeypatch):
    given = {
        "channel_binding": "disable",
        "gssencmode": "disable",
        "hostaddr": "127.0.0.1",
        "require_auth": "scram-sha-256",
        "sslcrl": "/revoked.pem",
        "sslpassword": "hush",
        "tcp_user_timeout": "9000",
    }
    options(**given)
    called = []
    asked = threading.Event()

    def connect(**keywords):
        called.append(keywords)
        asked.set()
        raise psycopg.OperationalError

    monkeypatch.setattr(psycopg, "connect", connect)
    bell()
    assert asked.wait(_SECONDS)
    assert given.items() <= called[0].items()
