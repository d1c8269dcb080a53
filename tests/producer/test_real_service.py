"""The client against the service's own HTTP API."""

import threading

import psycopg
import pytest

from deliveries.models import Delivery
from deliveries.producer import (
    IdempotencyConflictError,
    LoginCode,
    LoginCodeClient,
    Outcome,
    Patience,
    RequestRejectedError,
    TraceContext,
    UnconfirmedError,
)
from mailproject.embedded.ports import LOOPBACK, ReservedPort

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

TOKEN = "submit-token-0123456789"
TRACE = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1")
CODE = LoginCode(email="ada@example.org", code="739104", locale="en")


@pytest.fixture
def serve(service):
    """Starts a web process; returns it and its URL."""

    def run(**overrides):
        port = ReservedPort()
        address = f"{LOOPBACK}:{port.number}"
        port.release()
        process = service.start(
            "serve",
            overrides={
                "MAIL_INTERNAL_HTTP_ADDR": address,
                "MAIL_INTERNAL_HTTP_WORKERS": "1",
                "MAIL_INTERNAL_API_TOKENS": f"auth:submit={TOKEN}",
                **overrides,
            },
        )
        process.wait_until_started()
        return process, f"http://{address}"

    return run


@pytest.fixture
def connect():
    clients = []

    def make(url, *, token=TOKEN, patience=None):
        clients.append(LoginCodeClient(url, token=token, patience=patience))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def start(serve, connect):
    """Starts a web process; returns it and a client of it."""

    def run(*, token=TOKEN, **overrides):
        process, url = serve(**overrides)
        return process, connect(url, token=token)

    return run


def test_a_code_is_accepted_once(start):
    process, client = start()
    first = client.post(CODE, idempotency_key="k-1", trace=TRACE)
    again = client.post(CODE, idempotency_key="k-1")
    assert first == again
    assert first.outcome is Outcome.ACCEPTED
    delivery = Delivery.objects.get()
    assert delivery.delivery_id == first.delivery_id
    assert (delivery.traceparent, delivery.tracestate) == (TRACE.traceparent, "a=1")
    assert process.stop() == 0
    assert CODE.code not in process.output


def test_twenty_at_once_are_one(start):
    _, client = start()
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.post(CODE, idempotency_key="k")))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert len(set(answers)) == 1
    assert Delivery.objects.count() == 1


def test_stub_mode_says_that_nothing_is_sent(start):
    _, client = start(MAIL_SMTP_MODE="stub")
    assert client.post(CODE, idempotency_key="k").outcome is Outcome.SUPPRESSED


def test_what_the_service_does_not_take(start):
    _, client = start()
    client.post(CODE, idempotency_key="k")
    other = LoginCode(email="ada@example.org", code="000000", locale="en")
    with pytest.raises(IdempotencyConflictError):
        client.post(other, idempotency_key="k")
    wrong = LoginCode(email="no address", code="739104", locale="not a tag")
    with pytest.raises(RequestRejectedError) as caught:
        client.post(wrong, idempotency_key="k-2")
    assert caught.value.status == 422
    assert caught.value.code == "validation_failed"
    assert {"email", "locale"} <= set(caught.value.fields)
    assert Delivery.objects.count() == 1


def test_a_token_that_is_not_known(start):
    _, client = start(token="another-token-0123456789")
    with pytest.raises(RequestRejectedError) as caught:
        client.post(CODE, idempotency_key="k")
    assert (caught.value.status, caught.value.code) == (401, "invalid_token")


def test_a_database_that_is_away_for_a_moment(serve, connect, servers, postgres_admin):
    """The service answers 503 until it is back, and the client waits for it."""
    _, url = serve()
    client = connect(url, patience=Patience(total=60, each=10))
    hasty = connect(url, patience=Patience(total=0.4, each=0.4))
    name = servers.database.name
    _allow_connections(postgres_admin, name, allowed=False)
    back = threading.Timer(
        1.5, _allow_connections, args=[postgres_admin, name], kwargs={"allowed": True}
    )
    back.start()
    try:
        with pytest.raises(UnconfirmedError) as caught:
            hasty.post(CODE, idempotency_key="k")
        delivered = client.post(CODE, idempotency_key="k")
    finally:
        back.join()
    assert CODE.code not in str(caught.value)
    assert Delivery.objects.get().delivery_id == delivered.delivery_id


def _allow_connections(admin, name, *, allowed):
    with psycopg.connect(admin, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}')
        if not allowed:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
