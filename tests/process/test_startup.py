"""Starts that fail, as their supervisor sees them."""

import pytest

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]


def test_a_redis_that_has_no_such_database(service):
    process = service.start("run_scheduler", overrides={"MAIL_REDIS_DB": "9999"})
    assert process.wait() == 69
    assert "refuses what it is asked (ResponseError: it has no such database)" in process.output
    assert "see MAIL_REDIS_DB (such as 0)" in process.output
    assert "does not answer" not in process.output


def test_a_redis_that_is_away(service):
    process = service.start("run_scheduler", overrides={"MAIL_REDIS_MASTER_ADDR": "127.0.0.1:1"})
    assert process.wait() == 69
    assert "does not answer (ConnectionError: connection refused)" in process.output
    assert "see MAIL_REDIS_MASTER_ADDR" in process.output


@pytest.mark.parametrize("keyword", ["connect_timeout", "keepalives", "target_session_attrs"])
def test_a_keyword_that_libpq_does_not_take(service, keyword):
    dsn = service.environment["MAIL_POSTGRES_PRIMARY_DSN"]
    spoiled = f"{dsn}{'&' if '?' in dsn else '?'}{keyword}=foo"
    process = service.start("run_scheduler", overrides={"MAIL_POSTGRES_PRIMARY_DSN": spoiled})
    assert process.wait() == 78
    assert f"MAIL_POSTGRES_PRIMARY_DSN sets {keyword} to what is not" in process.output
