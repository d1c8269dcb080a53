"""The admin's pages over many deliveries against the same pages over few.

Two databases that differ in nothing but their number of old deliveries, a web process each, and the
same requests to both in turn. Fails when a page over many takes more than `WORST` times as long.
"""

import argparse
import http.cookiejar
import re
import secrets
import statistics
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from bench.deployment import WEB, deploy
from bench.servers import Servers, run_with_servers

WORST = 1.5
_USER = "bench"
_VARIABLES = {
    "MAIL_SMTP_MODE": "stub",
    "MAIL_ADMIN_ENABLED": "true",
    "MAIL_INTERNAL_HTTP_WORKERS": "1",
}

# One in ten ends badly, so that every list over few fills its page too. All are spread over thirty
# days, the newest now.
_FILL = """
INSERT INTO deliveries (delivery_id, source, payload_mode, status, idempotency_key, fingerprint,
    message_id, traceparent, requested_at, created_at, finished_at, attempt_count,
    last_failure_code)
SELECT 'd-' || n, CASE n %% 10 WHEN 0 THEN 'authsession' ELSE 'notification' END, 'rendered',
    CASE n %% 20 WHEN 0 THEN 'dead_letter' WHEN 10 THEN 'failed' ELSE 'sent' END,
    'k-' || n, sha256(n::text::bytea), '<' || n || '@x>', '00-' || md5(n::text) || '-01-01',
    at, at, at, 1, CASE n %% 10 WHEN 0 THEN 'timeout' END
FROM (SELECT n, now() - (%(count)s - n) * interval '30 days' / %(count)s AS at
      FROM generate_series(1, %(count)s) AS n) AS numbered
ORDER BY n;
INSERT INTO delivery_payloads (delivery_pk, mailboxes, subject, text_body, content_bytes)
SELECT id, jsonb_build_object('to', jsonb_build_array(
         jsonb_build_object('email', 'c' || id || '@example.org', 'name', ''))),
       'A word', repeat('Hello. ', 40), 280 FROM deliveries ORDER BY id;
INSERT INTO attempts (delivery_pk, attempt_no, lane, status, worker_id, scheduled_for, started_at,
    finished_at, phase, failure_code)
SELECT id, 1, 2, CASE status WHEN 'sent' THEN 'provider_accepted' ELSE 'timed_out' END, 1,
    created_at, created_at, created_at + interval '80 ms', 'final', last_failure_code
FROM deliveries ORDER BY id;
INSERT INTO dead_letters (delivery_pk, failure_code, reason, attempt_count, recorded_at)
SELECT id, 'timeout', 'no reply', 4, finished_at FROM deliveries WHERE status = 'dead_letter';
INSERT INTO malformed_commands (stream, stream_entry_id, delivery_id, failure_code,
    failure_message, recorded_at)
SELECT 's', n || '-0', 'm-' || n, 'invalid_body', 'text_body: is missing', now()
FROM generate_series(1, %(count)s / 20) AS n;
"""

PAGES = {
    "overview": "",
    "deliveries": "deliveries/",
    "deliveries, dead letters": "deliveries/?status=dead_letter",
    "deliveries, by source": "deliveries/?source=authsession",
    "deliveries, since a day": "deliveries/?since=24h",
    "deliveries, nothing found": "deliveries/?failure=dns_failed",
    "deliveries, deep": "deliveries/?before=500",
    "search, id": "deliveries/?q=d-500",
    "search, key": "deliveries/?q=k-500",
    "search, recipient": "deliveries/?q=c500@example.org",
    "search, trace": "deliveries/?q=cee631121c2ec9232f3a2f028ad5c89b",
    "a delivery": "deliveries/d-500/",
    "attempts": "attempts/",
    "attempts, timed out": "attempts/?status=timed_out",
    "dead letters": "dead-letters/",
    "malformed commands": "malformed-commands/",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A running web process with the superuser logged in."""

    base: str
    opener: urllib.request.OpenerDirector

    def seconds(self, path: str) -> float:
        began = time.perf_counter()
        with self.opener.open(self.base + path, timeout=30) as answer:
            answer.read()
        return time.perf_counter() - began


@contextmanager
def start_site(servers: Servers, name: str, count: int) -> Iterator[Site]:
    """A database of `count` old deliveries, and the admin over it."""
    password = secrets.token_hex(16)
    with deploy(servers, name, _VARIABLES) as service:
        service.start(WEB)
        user = ("--noinput", "--username", _USER, "--email", "bench@example.org")
        service.manage("createsuperuser", *user, DJANGO_SUPERUSER_PASSWORD=password)
        with psycopg.connect(
            service.dsn, autocommit=True, options="-csearch_path=mail"
        ) as connection:
            with psycopg.ClientCursor(connection) as cursor:
                cursor.execute(_FILL, {"count": count})
            connection.execute("VACUUM ANALYZE")
        yield _log_in(f"{service.url}/admin/", password)


def _log_in(base: str, password: str) -> Site:
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(cookies)
    with opener.open(f"{base}login/") as answer:
        found = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
    assert found is not None
    form = {"csrfmiddlewaretoken": found.group(1), "username": _USER, "password": password}
    with opener.open(f"{base}login/", urllib.parse.urlencode(form).encode()) as answer:
        assert answer.url == base, "the login failed"
    return Site(base, opener)


def _measure(
    servers: Servers, few: Site, many: Site, rounds: int
) -> Iterator[tuple[str, float, float]]:
    for name, path in PAGES.items():
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(rounds + 2):
            servers.interruption.check()
            for site, taken in zip((few, many), times, strict=True):
                seconds = site.seconds(path)
                if number >= 2:  # the first fill caches and count what is not counted yet
                    taken.append(seconds)
        yield name, statistics.median(times[0]), statistics.median(times[1])


def compare(servers: Servers, *, few: int, many: int, rounds: int) -> list[str]:
    """Print a line for each page; returns those that take too long over many."""
    slow = []
    with start_site(servers, "few", few) as small, start_site(servers, "many", many) as large:
        print(f"{'page':28}{few:>12,}{many:>12,}   ratio")
        for name, over_few, over_many in _measure(servers, small, large, rounds):
            ratio = over_many / over_few
            print(
                f"{name:28}{over_few * 1000:>9.1f} ms{over_many * 1000:>9.1f} ms{ratio:>8.2f}",
                flush=True,
            )
            if ratio > WORST:
                slow.append(name)
    return slow


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench admin", description=__doc__)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args(argv)

    def work(servers: Servers) -> int:
        slow = compare(servers, few=asked.few, many=asked.many, rounds=asked.rounds)
        if slow:
            print(f"more than {WORST} times as long: {', '.join(slow)}")
        return 1 if slow else 0

    return run_with_servers(None, work)
